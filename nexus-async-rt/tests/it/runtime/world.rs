//! The World from inside tasks.

use nexus_async_rt::{
    Runtime, RuntimeBuilder, WorldCtx, spawn_boxed, with_world, with_world_ref, yield_now,
};
use nexus_rt::{Handler, IntoHandler, ResMut, Resource, World, WorldBuilder};
use nexus_testkit::{panic_of, within};
use std::cell::Cell;
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

#[derive(Resource)]
struct Total(u64);

fn add(mut total: ResMut<Total>, amount: u64) {
    total.0 += amount;
}

fn world() -> World {
    let mut builder = WorldBuilder::new();
    builder.register(Total(0));
    builder.build()
}

#[test]
fn a_handler_resolved_before_runs_in_a_task() {
    within(Duration::from_secs(10), || {
        let mut world = world();
        let mut handler = add.into_handler(world.registry());
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            spawn_boxed(async move {
                for amount in 1..=10 {
                    with_world(|world| handler.run(world, amount));
                    yield_now().await;
                }
            })
            .await;
        });
        assert_eq!(rt.world().resource::<Total>().0, 55);
        rt.world_mut().resource_mut::<Total>().0 = 1;
        let total = rt.block_on(async { with_world_ref(|world| world.resource::<Total>().0) });
        assert_eq!(total, 1);
        drop(rt);
        assert_eq!(world.resource::<Total>().0, 1);
    });
}

#[test]
fn u11_nested_borrows_are_refused() {
    within(Duration::from_secs(10), || {
        let mut world = world();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            let in_mut = |f: &dyn Fn()| with_world(|_| panic_of(f));
            let in_ref = |f: &dyn Fn()| with_world_ref(|_| panic_of(f));
            let lend_mut = || with_world(|_| ());
            let lend_ref = || with_world_ref(|_| ());
            for message in [in_mut(&lend_mut), in_mut(&lend_ref), in_ref(&lend_mut)] {
                assert!(message.contains("inside another borrow"), "{message}");
            }
            let depth = with_world_ref(|outer| {
                with_world_ref(|inner| outer.resource::<Total>().0 + inner.resource::<Total>().0)
            });
            assert_eq!(depth, 0);
            // Whatever panicked inside gave its borrow back.
            with_world(|world| world.resource_mut::<Total>().0 = 3);
            panic_of(|| with_world(|_| panic!("inside")));
            panic_of(|| with_world_ref(|_| panic!("inside")));
            with_world(|world| assert_eq!(world.resource::<Total>().0, 3));
        });
    });
}

#[test]
fn a_token_is_for_its_own_runtime() {
    within(Duration::from_secs(10), || {
        let mut first = world();
        let mut rt = Runtime::new(&mut first);
        let token = rt.world_ctx();
        assert_eq!(rt.block_on(async { WorldCtx::current() }), token);
        rt.block_on(async { token.with_world(|world| world.resource_mut::<Total>().0 = 8) });
        let message = panic_of(|| token.with_world_ref(|_| ()));
        assert!(message.contains("outside a runtime"), "{message}");
        let mut second = world();
        let mut other = Runtime::new(&mut second);
        let message = other.block_on(async { panic_of(|| token.with_world(|_| ())) });
        assert!(message.contains("belongs to runtime"), "{message}");
        drop(other);
        drop(rt);
        // Never the number of a runtime that came later.
        let mut third = Runtime::new(&mut first);
        assert_ne!(third.world_ctx(), token);
        let message = third.block_on(async { panic_of(|| token.with_world(|_| ())) });
        assert!(message.contains("belongs to runtime"), "{message}");
        assert_eq!(third.world().resource::<Total>().0, 8);
    });
}

#[test]
fn u12_a_token_of_a_world_that_is_gone_reaches_nothing() {
    within(Duration::from_secs(10), || {
        let mut first = world();
        let rt = Runtime::new(&mut first);
        let token = rt.world_ctx();
        drop(rt);
        drop(first);
        let message = panic_of(|| token.with_world_ref(|_| ()));
        assert!(message.contains("outside a runtime"), "{message}");
        let mut second = world();
        let mut rt = Runtime::new(&mut second);
        rt.block_on(async {
            let lend_mut = panic_of(|| token.with_world(|_| ()));
            let lend_ref = panic_of(|| token.with_world_ref(|_| ()));
            for message in [lend_mut, lend_ref] {
                assert!(message.contains("belongs to runtime"), "{message}");
            }
        });
    });
}

#[test]
fn destructors_at_the_end_reach_the_world() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            with_world(|world| world.resource_mut::<Total>().0 += 100);
        }
    }
    within(Duration::from_secs(10), || {
        let mut world = world();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            spawn_boxed(async {
                let _last = Last;
                std::future::pending::<()>().await;
            });
            yield_now().await;
        });
        drop(rt);
        assert_eq!(world.resource::<Total>().0, 100);
    });
}

/// Reaches for the World of the runtime that it runs in when it is dropped.
struct Reaches<F: Fn()>(F);

impl<F: Fn()> Drop for Reaches<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Between two runs the World is with the owner, which may be changing it: not
/// even a look at it is lent.
#[test]
fn u11_an_abort_between_runs_does_not_reach_what_is_lent() {
    within(Duration::from_secs(10), || {
        let mut world = world();
        let mut rt = Runtime::new(&mut world);
        let ctx = rt.world_ctx();
        let reaches: [fn(WorldCtx); 4] = [
            |_| with_world(|world| world.resource_mut::<Total>().0 = 1),
            |_| with_world_ref(|world| assert_eq!(world.resource::<Total>().0, 0)),
            |ctx| ctx.with_world(|world| world.resource_mut::<Total>().0 = 1),
            |ctx| ctx.with_world_ref(|world| assert_eq!(world.resource::<Total>().0, 0)),
        ];
        for reach in reaches {
            let tasks = [(); 2].map(|()| {
                let reaches = Reaches(move || reach(ctx));
                rt.spawn_boxed(async move {
                    let _reaches = reaches;
                    std::future::pending::<()>().await;
                })
            });
            rt.block_on(yield_now());
            let lent = rt.world_mut();
            for task in tasks {
                let message = panic_of(|| task.abort());
                assert!(message.contains("between two runs"), "{message}");
            }
            assert_eq!(lent.resource_mut::<Total>().0, 0);
            assert_eq!((rt.world().resource::<Total>().0, rt.task_count()), (0, 0));
        }
        rt.block_on(async { with_world(|world| world.resource_mut::<Total>().0 = 2) });
        assert_eq!(rt.world().resource::<Total>().0, 2);
    });
}

#[test]
fn a_world_of_its_own_lives_as_long_as_the_runtime_and_its_tasks() {
    /// Looks at the World when it is dropped.
    struct Looks(Rc<Cell<bool>>);

    impl Drop for Looks {
        fn drop(&mut self) {
            with_world(|world| self.0.set(!world.shutdown_handle().is_shutdown()));
        }
    }

    within(Duration::from_secs(10), || {
        let mut rt = RuntimeBuilder::new().build();
        let seen = Rc::new(Cell::new(false));
        let looks = Looks(seen.clone());
        rt.block_on(async {
            let ctx = WorldCtx::current();
            spawn_boxed(async move {
                let _looks = looks;
                std::future::pending::<()>().await;
            });
            yield_now().await;
            ctx.with_world_ref(|_| ());
        });
        // The World does not move with the runtime.
        let before: *const World = rt.world();
        let mut rt = Box::new(rt);
        assert!(ptr::eq(before, rt.world()));
        rt.block_on(yield_now());
        drop(rt);
        assert!(
            seen.get(),
            "the destructor of the task did not see the World"
        );
    });
}

#[test]
fn the_flag_of_a_world_of_its_own_tells_the_runtime() {
    within(Duration::from_secs(10), || {
        let mut rt = RuntimeBuilder::default().build();
        rt.world_mut().shutdown_handle().shutdown();
        rt.block_on(nexus_async_rt::shutdown_signal());
        assert!(rt.shutdown_handle().is_shutdown());
    });
}
