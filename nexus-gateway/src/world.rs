//! The World of the gateway: its books and counts, and the handler that
//! changes them.

use crate::book::Books;
use crate::tally::Tally;
use nexus_itch::itch::Message;
use nexus_rt::{Handler, IntoHandler, ResMut, World, WorldBuilder};

/// Orders that there is room for before the books grow. More than rest at a
/// time in a generated session; small enough that the map stays in the cache.
const ORDERS: usize = 64 * 1024;

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
/// use nexus_itch::itch::{Event, Message};
/// use nexus_gateway::world;
/// use nexus_rt::Handler;
///
/// let mut world = world::build();
/// let mut handler = world::handler(&world);
/// let event = Event::System { code: b'O' };
/// handler.run(&mut world, Message { timestamp: 0, locate: 0, event });
/// assert_eq!(world.resource::<Tally>().of(b'S'), 1);
/// ```
pub fn handler(world: &World) -> impl Handler<Message> + use<> {
    apply.into_handler(world.registry())
}

fn apply(mut books: ResMut<Books>, mut tally: ResMut<Tally>, message: Message) {
    tally.count(message.event.kind());
    books.apply(&message);
}

/// Takes books and counts out of a World, and leaves empty ones.
pub fn take(world: &mut World) -> (Books, Tally) {
    let books = std::mem::replace(world.resource_mut(), Books::with_capacity(0));
    let tally = std::mem::take(world.resource_mut());
    (books, tally)
}
