//! A handler of the World, dispatched from a task.
//!
//! The handler's resources are looked up once, before the loop; inside, a
//! dispatch is the handler's own cost and a check that nobody else has the
//! World just then.

use nexus_async_rt::channel::spsc;
use nexus_async_rt::{Runtime, spawn_boxed, with_world, with_world_ref};
use nexus_rt::{Handler, IntoHandler, Res, ResMut, Resource, WorldBuilder};
use std::thread;

#[derive(Resource)]
struct Fees {
    cents_per_lot: u64,
}

#[derive(Resource, Default)]
struct Position {
    lots: i64,
    fees: u64,
}

struct Fill {
    lots: i64,
}

fn on_fill(fees: Res<Fees>, mut position: ResMut<Position>, fill: Fill) {
    position.lots += fill.lots;
    position.fees += fill.lots.unsigned_abs() * fees.cents_per_lot;
}

pub fn main() {
    let mut builder = WorldBuilder::new();
    builder.register(Fees { cents_per_lot: 3 });
    builder.register(Position::default());
    let mut world = builder.build();
    let mut handler = on_fill.into_handler(world.registry());

    let (tx, rx) = spsc::channel(64);
    let exchange = thread::spawn(move || {
        for lots in [5, -2, 4, -7, 1] {
            tx.blocking_send(Fill { lots }).expect("the task is there");
        }
    });

    let mut rt = Runtime::new(&mut world);
    rt.block_on(async {
        let fills = spawn_boxed(async move {
            while let Ok(fill) = rx.recv().await {
                with_world(|world| handler.run(world, fill));
            }
        });
        fills.await;
        // To look at it is enough for a check.
        assert_eq!(with_world_ref(|world| world.resource::<Position>().lots), 1);
    });
    exchange
        .join()
        .expect("the exchange's thread ended in order");

    let fees = rt.world().resource::<Position>().fees;
    assert_eq!(fees, 19 * 3);
    println!("one lot left, {fees} cents of fees");
}
