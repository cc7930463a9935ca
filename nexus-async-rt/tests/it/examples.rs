//! Each example runs to its end: they assert what they show.

use nexus_testkit::within;
use std::time::Duration;

#[path = "../../examples/backpressure.rs"]
mod backpressure;
#[path = "../../examples/drain.rs"]
mod drain;
#[path = "../../examples/fan_in.rs"]
mod fan_in;
#[path = "../../examples/pipeline.rs"]
mod pipeline;
#[path = "../../examples/producers.rs"]
mod producers;
#[path = "../../examples/records.rs"]
mod records;
#[path = "../../examples/shutdown.rs"]
mod shutdown;
#[path = "../../examples/slab.rs"]
mod slab;
#[path = "../../examples/tcp_echo.rs"]
mod tcp_echo;
#[path = "../../examples/udp_multicast.rs"]
mod udp_multicast;
#[path = "../../examples/world.rs"]
mod world;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn pipeline_ends_stage_by_stage() {
    within(LIMIT, pipeline::main);
}

#[test]
fn producers_on_other_threads_are_heard_in_order() {
    within(LIMIT, producers::main);
}

#[test]
fn drain_takes_what_is_there_and_sees_the_end_last() {
    within(LIMIT, drain::main);
}

#[test]
fn records_of_any_length_are_read_in_place() {
    within(LIMIT, records::main);
}

#[test]
fn backpressure_holds_the_maker_back() {
    within(LIMIT, backpressure::main);
}

#[test]
fn fan_in_of_endless_sources_leaves_the_timer_its_turn() {
    within(LIMIT, fan_in::main);
}

#[test]
fn shutdown_finishes_what_was_accepted_and_names_what_is_left() {
    within(LIMIT, shutdown::main);
}

#[test]
fn slab_refuses_what_has_no_slot() {
    within(LIMIT, slab::main);
}

#[test]
fn tcp_echo_serves_many_clients_and_goes_down_in_order() {
    within(LIMIT, tcp_echo::main);
}

#[test]
fn udp_multicast_is_heard_by_all_who_have_joined() {
    within(LIMIT, udp_multicast::main);
}

#[test]
fn world_handlers_run_from_a_task() {
    within(LIMIT, world::main);
}

#[test]
fn every_example_is_here() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples are beside the tests")
        .map(|entry| entry.expect("a readable folder").file_name())
        .collect();
    files.sort();
    let mut here: Vec<_> = include_str!("examples.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("#[path = \"../../examples/"))
        .map(|rest| rest.trim_end_matches("\"]"))
        .collect();
    here.sort_unstable();
    assert_eq!(files, here);
}
