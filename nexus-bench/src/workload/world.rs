//! What it costs to dispatch a handler of the World from a task.

use crate::figures::Figures;
use crate::peers::{Executor, Lend};
use nexus_rt::{Handler, IntoHandler, Res, ResMut, Resource, World, WorldBuilder};
use std::hint::black_box;
use std::time::Instant;

#[derive(Resource)]
struct Fees {
    a_lot: u64,
}

#[derive(Resource, Default)]
struct Position {
    lots: u64,
    fees: u64,
}

fn on_fill(fees: Res<Fees>, mut position: ResMut<Position>, lots: u64) {
    position.lots += lots;
    position.fees += lots * fees.a_lot;
}

fn world() -> World {
    let mut builder = WorldBuilder::new();
    builder.register(Fees { a_lot: 3 });
    builder.register(Position::default());
    builder.build()
}

fn check(world: &World, ops: u64) {
    let position = world.resource::<Position>();
    let lots = ops * (ops + 1) / 2;
    assert_eq!((position.lots, position.fees), (lots, 3 * lots), "fills");
}

/// From a task, to which the runtime lends the World.
#[must_use]
pub fn lent<L: Lend>(ops: u64) -> Figures {
    let mut world = world();
    let mut handler = on_fill.into_handler(world.registry());
    let figures = L::block_on_with(&mut world, async move {
        let task = <L as Executor>::spawn(async move {
            let ctx = L::ctx();
            let begin = Instant::now();
            for lots in 1..ops + 1 {
                L::with_world(&ctx, |world| handler.run(world, black_box(lots)));
            }
            Figures::since(begin, ops)
        });
        task.await
    });
    check(&world, ops);
    figures
}

/// The limit: without a runtime.
#[must_use]
pub fn owned(ops: u64) -> Figures {
    let mut world = world();
    let mut handler = on_fill.into_handler(world.registry());
    let begin = Instant::now();
    for lots in 1..ops + 1 {
        handler.run(black_box(&mut world), black_box(lots));
    }
    let figures = Figures::since(begin, ops);
    check(&world, ops);
    figures
}
