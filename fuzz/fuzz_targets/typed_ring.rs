//! Sends and receives of boxed values over each typed kind, against a bounded
//! deque.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_async_rt::channel::{
    Kind, Receiver, Sender, TryRecvError, TrySendError, local, mpsc, spsc,
};
use nexus_fuzz::{Input, Model};

fn drive<K: Kind>(mut input: Input<'_>, ends: (Sender<Box<u8>, K>, Receiver<Box<u8>, K>)) {
    let (tx, rx) = ends;
    let mut model = Model::<Box<u8>>::default();
    while !input.is_empty() {
        let (op, value) = (input.byte(), Box::new(input.byte()));
        match op % 8 {
            0..=3 => match tx.try_send(value.clone()) {
                Ok(()) => {
                    assert!(model.len() < tx.capacity());
                    model.accept(value);
                }
                Err(TrySendError::Full(back)) => {
                    assert!(back == value && model.len() == tx.capacity());
                }
                Err(TrySendError::Disconnected(back)) => assert!(back == value && model.closed),
            },
            4..=6 => match rx.try_recv() {
                Ok(value) => model.deliver(value),
                Err(error) => model.deliver_nothing(error == TryRecvError::Disconnected),
            },
            _ if *value == 77 => {
                rx.close();
                model.closed = true;
            }
            _ => {}
        }
        assert_eq!(rx.len(), model.len());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (kind, capacity) = (input.byte(), 1 + usize::from(input.byte() % 9));
    match kind % 3 {
        0 => drive(input, local::channel(capacity)),
        1 => drive(input, spsc::channel(capacity)),
        _ => drive(input, mpsc::channel(capacity)),
    }
});
