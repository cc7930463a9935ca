//! The macros that run one test on each of several kinds.
//!
//! A test is a function, generic over what its kinds have in common; a group
//! of them becomes a module, with a module for each kind in it.

/// Runs each test of the group, a function generic over `Channel`, on all
/// five kinds.
macro_rules! on_every_kind {
    ($group:ident: $($test:ident)*) => {
        $crate::macros::on_kinds! {
            local: $crate::kinds::Typed<nexus_async_rt::channel::Local>,
            spsc: $crate::kinds::Typed<nexus_async_rt::channel::Spsc>,
            mpsc: $crate::kinds::Typed<nexus_async_rt::channel::Mpsc>,
            spsc_bytes: $crate::kinds::Bytes<nexus_async_rt::channel::Spsc>,
            mpsc_bytes: $crate::kinds::Bytes<nexus_async_rt::channel::Mpsc>;
            $group ($($test)*)
        }
    };
}

/// As [`on_every_kind`], generic over `Threaded`: the cross-thread kinds.
macro_rules! on_threaded_kinds {
    ($group:ident: $($test:ident)*) => {
        $crate::macros::on_kinds! {
            spsc: $crate::kinds::Typed<nexus_async_rt::channel::Spsc>,
            mpsc: $crate::kinds::Typed<nexus_async_rt::channel::Mpsc>,
            spsc_bytes: $crate::kinds::Bytes<nexus_async_rt::channel::Spsc>,
            mpsc_bytes: $crate::kinds::Bytes<nexus_async_rt::channel::Mpsc>;
            $group ($($test)*)
        }
    };
}

/// As [`on_every_kind`], generic over `FanIn`.
macro_rules! on_fan_in_kinds {
    ($group:ident: $($test:ident)*) => {
        $crate::macros::on_kinds! {
            local: $crate::kinds::Typed<nexus_async_rt::channel::Local>,
            mpsc: $crate::kinds::Typed<nexus_async_rt::channel::Mpsc>,
            mpsc_bytes: $crate::kinds::Bytes<nexus_async_rt::channel::Mpsc>;
            $group ($($test)*)
        }
    };
}

/// As [`on_every_kind`], generic over `Threaded` and `FanIn`.
macro_rules! on_many_producer_kinds {
    ($group:ident: $($test:ident)*) => {
        $crate::macros::on_kinds! {
            mpsc: $crate::kinds::Typed<nexus_async_rt::channel::Mpsc>,
            mpsc_bytes: $crate::kinds::Bytes<nexus_async_rt::channel::Mpsc>;
            $group ($($test)*)
        }
    };
}

/// As [`on_every_kind`], generic over `TypedKind`.
macro_rules! on_typed_kinds {
    ($group:ident: $($test:ident)*) => {
        $crate::macros::on_kinds! {
            local: nexus_async_rt::channel::Local,
            spsc: nexus_async_rt::channel::Spsc,
            mpsc: nexus_async_rt::channel::Mpsc;
            $group ($($test)*)
        }
    };
}

/// As [`on_every_kind`], generic over `ByteKind`.
macro_rules! on_byte_kinds {
    ($group:ident: $($test:ident)*) => {
        $crate::macros::on_kinds! {
            spsc_bytes: nexus_async_rt::channel::Spsc,
            mpsc_bytes: nexus_async_rt::channel::Mpsc;
            $group ($($test)*)
        }
    };
}

/// A module of that name, in it one module a kind, with one function a test.
macro_rules! on_kinds {
    ($($name:ident: $kind:ty),*; $group:ident $tests:tt) => {
        mod $group {
            $($crate::macros::on_kinds! { @ $name $kind, $tests })*
        }
    };
    (@ $name:ident $kind:ty, ($($test:ident)*)) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    super::super::$test::<$kind>();
                }
            )*
        }
    };
}

pub(crate) use {
    on_byte_kinds, on_every_kind, on_fan_in_kinds, on_kinds, on_many_producer_kinds,
    on_threaded_kinds, on_typed_kinds,
};
