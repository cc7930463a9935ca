//! The crate from outside, one module a situation. Channels and tokens, which need no
//! runtime, have a binary of their own: `channels`.

mod arrows;
mod auto_traits;
mod defects;
mod examples;
mod names;
mod net;
mod runtime;
#[expect(dead_code, reason = "those of the channels, of which a part is used")]
#[path = "../channels/sides.rs"]
mod sides;
mod support;
mod time;
#[cfg(any(feature = "tokio-compat", feature = "tokio-io"))]
mod tokio;
