//! The methods by which a handle looks at its channel: the same for all four handles, in
//! messages or in bytes.

/// `impl [parameters] Sender, Receiver { what capacity, len, is_empty and is_full are }`.
macro_rules! snapshots {
    (
        impl $params:tt $($handle:ty),+ {
            $capacity:literal, $len:literal, $is_empty:literal, $is_full:literal
        }
    ) => {
        $(snapshots!(@one $params $handle, $capacity, $len, $is_empty, $is_full);)+
    };
    (
        @one [$($params:tt)+] $handle:ty,
        $capacity:literal, $len:literal, $is_empty:literal, $is_full:literal
    ) => {
        impl<$($params)+> $handle {
            #[doc = $capacity]
            pub fn capacity(&self) -> usize {
                self.core.ring.capacity()
            }

            #[doc = $len]
            pub fn len(&self) -> usize {
                self.core.ring.len()
            }

            #[doc = $is_empty]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            #[doc = $is_full]
            pub fn is_full(&self) -> bool {
                !self.core.has_room()
            }
        }
    };
}

pub(super) use snapshots;
