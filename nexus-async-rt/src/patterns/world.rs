//! Patterns: the World, and handlers that tasks dispatch.
//!
//! A [`World`][World] of the crate [`nexus-rt`][nexus_rt] owns the state of the
//! program. Four words are enough to use it:
//!
//! - A *resource* is one value in the World, found by its type: `#[derive(Resource)]`.
//! - A *handler* is a plain function. Its parameters name the resources that it needs.
//! - An *event* is what a handler is called with: the last parameter.
//! - To *resolve* a handler is to look its resources up, once, by `into_handler`. A
//!   resource that is not registered panics there.
//!
//! The order in `main` follows from the borrows: register the resources, build the
//! World, resolve the handlers, then let the runtime borrow the World. A task moves its
//! handler in and dispatches it inside [`with_world`]. A handler that is resolved after
//! `Runtime::new(&mut world)` takes the registry from
//! [`Runtime::world`], or inside a task from `with_world`.
//!
//! ```
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::{Runtime, shutdown_signal, spawn_boxed, with_world};
//! use nexus_rt::shutdown::Shutdown;
//! use nexus_rt::{Handler, IntoHandler, Local, Res, ResMut, Resource, WorldBuilder};
//!
//! #[derive(Resource)]
//! struct Limit(i64);
//!
//! #[derive(Resource, Default)]
//! struct Position(i64);
//!
//! struct Fill {
//!     lots: i64,
//! }
//!
//! fn on_fill(
//!     limit: Res<Limit>,
//!     mut position: ResMut<Position>,
//!     mut fills: Local<u32>,
//!     shutdown: Shutdown,
//!     fill: Fill,
//! ) {
//!     *fills += 1;
//!     position.0 += fill.lots;
//!     if position.0 > limit.0 {
//!         println!("the limit was passed by fill {}", *fills);
//!         shutdown.trigger();
//!     }
//! }
//!
//! let mut builder = WorldBuilder::new();
//! builder.register(Limit(10));
//! builder.register(Position::default());
//! let mut world = builder.build();
//! let mut on_fill = on_fill.into_handler(world.registry());
//!
//! let mut rt = Runtime::new(&mut world);
//! rt.block_on(async {
//!     let (tx, fills) = local::channel(4);
//!     spawn_boxed(async move {
//!         while let Ok(fill) = fills.recv().await {
//!             with_world(|world| on_fill.run(world, fill));
//!         }
//!     });
//!     for lots in [4, 5, 6] {
//!         tx.send(Fill { lots }).await.unwrap();
//!     }
//!     // The handler told the World to shut down, and so the runtime.
//!     shutdown_signal().await;
//! });
//! assert_eq!(rt.world().resource::<Position>().0, 15);
//! ```
//!
//! # What a handler may ask for
//!
//! Up to eight of these, in any order, and the event behind them:
//!
//! | parameter | what it is |
//! |---|---|
//! | `Res<T>` | a resource, to read |
//! | `ResMut<T>` | a resource, to change |
//! | `Option<Res<T>>`, `Option<ResMut<T>>` | the same; `None` if it is not registered |
//! | `Local<T>` | a value of this handler alone, `T::default()` at first |
//! | `Shutdown` | the World's shutdown flag |
//! | `E`, the last one | the event; any type, also a borrowed one such as `&[u8]` |
//!
//! A handler that asks for the same resource twice panics when it is resolved. [`with_world`] shows a handler of a borrowed event. A function of one event
//! and no resource is a handler too. [`nexus-rt`][nexus_rt] describes pipelines and
//! graphs of handlers, which resolve and run in the same way.
//!
//! # Without a handler
//!
//! `with_world(|world| world.resource_mut::<Position>().0 += 1)` finds the resource by
//! its type each time. That is a hash lookup; a resolved handler has none.
//! [`with_world_ref`] borrows the World to read, and nests.
//!
//! A borrow of the World ends before the next `.await`: no task can hold it while another
//! runs. Inside `with_world` do not call `with_world` again, but hand the
//! `&mut World` on.
//!
//! # The shutdown flag
//!
//! A World has a flag of its own, which `Shutdown` and `World::shutdown_handle` set.
//! When a `with_world` ends and the flag is set, the runtime is told to shut down, as
//! by [`ShutdownHandle::trigger`]. A flag that is set elsewhere, by another thread for
//! example, is seen at the end of the next `with_world`, or by the next run: use the
//! runtime's [`ShutdownHandle`] there. The runtime never clears the World's flag.
//!
//! [nexus_rt]: https://docs.rs/nexus-rt/2.5/nexus_rt/
//! [World]: https://docs.rs/nexus-rt/2.5/nexus_rt/struct.World.html

use crate::*;
