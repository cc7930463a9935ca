//! The World of the gateway: its books and counts, and the handler that
//! changes them.

use crate::book::Books;
use crate::tally::Tally;
use nexus_itch::itch::{DecodeError, Message};
use nexus_rt::{Handler, IntoHandler, ResMut, World, WorldBuilder};

/// Orders that there is room for before the books grow. More than rest at a
/// time in a generated session; small enough that the map stays in the cache.
const ORDERS: usize = 64 * 1024;

/// What the handler takes: a message, or one that is none of ITCH 5.0.
pub type Arrival = Result<Message, DecodeError>;

/// A World with empty books.
pub fn build() -> World {
    let mut builder = WorldBuilder::new();
    builder.register(Books::with_capacity(ORDERS));
    builder.register(Tally::default());
    builder.build()
}

/// The handler that applies a message, resolved against `world` once and for
/// all.
///
/// ```
/// use nexus_gateway::tally::Tally;
/// use nexus_itch::itch::{Event, Message, decode};
/// use nexus_gateway::world;
/// use nexus_rt::Handler;
///
/// let mut world = world::build();
/// let mut handler = world::handler(&world);
/// let event = Event::System { code: b'O' };
/// handler.run(&mut world, Ok(Message { timestamp: 0, locate: 0, event }));
/// handler.run(&mut world, decode(b"news"));
/// let tally = world.resource::<Tally>();
/// assert_eq!((tally.of(b'S'), tally.unknown()), (1, 1));
/// ```
pub fn handler(world: &World) -> impl Handler<Arrival> + use<> {
    apply.into_handler(world.registry())
}

fn apply(mut books: ResMut<Books>, mut tally: ResMut<Tally>, arrival: Arrival) {
    match arrival {
        Ok(message) => {
            tally.count(message.event.kind());
            books.apply(&message);
        }
        Err(error) => tally.count_unknown(error),
    }
}

/// Takes books and counts out of a World, and leaves empty ones.
pub fn take(world: &mut World) -> (Books, Tally) {
    let books = std::mem::replace(world.resource_mut(), Books::with_capacity(0));
    let tally = std::mem::take(world.resource_mut());
    (books, tally)
}
