//! Threads and the cores that they run on.

use nexus_async_rt::RuntimeBuilder;
use nexus_async_rt::runtime::pin_thread;
use std::io::ErrorKind;
use std::thread;

/// The cores that the calling thread may run on.
fn allowed() -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap().trim().to_owned()
}

/// The first core that the tests may use.
fn a_core() -> usize {
    let digits: String = allowed().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn the_thread_runs_on_its_core_alone_from_then_on() {
    let core = a_core();
    thread::spawn(move || {
        let mut rt = RuntimeBuilder::new().pin(core).build();
        assert_eq!(rt.block_on(async { allowed() }), core.to_string());
        drop(rt);
        assert_eq!(allowed(), core.to_string());
        let child = thread::spawn(allowed);
        assert_eq!(child.join().unwrap(), core.to_string());
    })
    .join()
    .unwrap();
}

#[test]
fn a_core_that_is_not_there_is_named_with_the_limit() {
    thread::spawn(|| {
        let before = allowed();
        for core in [100_000, usize::MAX] {
            let errors = [
                pin_thread(core).unwrap_err(),
                RuntimeBuilder::new().pin(core).try_build().unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                let text = error.to_string();
                assert!(
                    text.starts_with(&format!("cannot pin the thread to core {core}: ")),
                    "{text}"
                );
                assert!(text.ends_with("cores, counted from 0"), "{text}");
            }
        }
        assert_eq!(allowed(), before);
    })
    .join()
    .unwrap();
}
