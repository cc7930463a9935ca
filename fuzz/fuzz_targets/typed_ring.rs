//! Sends and receives of boxed values over each typed kind, by attempts and by
//! futures that are polled once and dropped, while ends come and go, against a
//! bounded deque.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_async_rt::channel::{
    Kind, Receiver, SendError, Sender, TryRecvError, TrySendError, local, mpsc, spsc,
};
use nexus_fuzz::{Input, Model, polled_once};

/// Another sender, of the kinds that have many.
type Another<K> = fn(&Sender<Box<u8>, K>) -> Option<Sender<Box<u8>, K>>;

struct Subject<K: Kind> {
    senders: Vec<Sender<Box<u8>, K>>,
    rx: Option<Receiver<Box<u8>, K>>,
    another: Another<K>,
    model: Model<Box<u8>>,
    capacity: usize,
}

impl<K: Kind> Subject<K> {
    /// What became of `value`: `None` is a send that would wait.
    fn sent(&mut self, value: Box<u8>, result: Option<Result<(), Box<u8>>>) {
        let closed = self.rx.is_none() || self.model.closed;
        let full = self.model.len() == self.capacity;
        match result {
            Some(Ok(())) => {
                assert!(!full && !closed);
                self.model.accept(value);
            }
            Some(Err(back)) => assert!(back == value && closed),
            None => assert!(full && !closed),
        }
    }

    fn send(&mut self, at: usize, value: Box<u8>, waits: bool) {
        let Some(tx) = self.senders.get(at % self.senders.len().max(1)) else {
            return;
        };
        let result = if waits {
            polled_once(tx.send(value.clone())).map(|sent| sent.map_err(|SendError(back)| back))
        } else {
            match tx.try_send(value.clone()) {
                Ok(()) => Some(Ok(())),
                Err(TrySendError::Disconnected(back)) => Some(Err(back)),
                Err(TrySendError::Full(back)) => {
                    assert!(back == value);
                    None
                }
            }
        };
        self.sent(value, result);
    }

    fn recv(&mut self, waits: bool) {
        let Some(rx) = &self.rx else { return };
        let result = if waits {
            polled_once(rx.recv()).map_or(Err(TryRecvError::Empty), |received| {
                received.map_err(|_| TryRecvError::Disconnected)
            })
        } else {
            rx.try_recv()
        };
        match result {
            Ok(value) => self.model.deliver(value),
            Err(error) => self
                .model
                .deliver_nothing(error == TryRecvError::Disconnected),
        }
    }

    fn apply(&mut self, op: u8, value: u8) {
        let at = usize::from(op >> 4);
        match op % 16 {
            0..=3 => self.send(at, Box::new(value), false),
            4 | 5 => self.send(at, Box::new(value), true),
            6..=9 => self.recv(false),
            10 | 11 => self.recv(true),
            12 if (1..8).contains(&self.senders.len()) => {
                let tx = &self.senders[at % self.senders.len()];
                self.senders.extend((self.another)(tx));
            }
            13 if self.senders.len() > 1 || value == 77 => {
                self.senders.pop();
                self.model.closed |= self.senders.is_empty();
            }
            14 if value == 77 => {
                self.rx = None;
                self.model = Model::default();
            }
            15 if value == 77 => {
                if let Some(rx) = &self.rx {
                    rx.close();
                }
                self.model.closed = true;
            }
            _ => {}
        }
        if let Some(rx) = &self.rx {
            assert_eq!(rx.len(), self.model.len());
            assert_eq!(rx.is_disconnected(), self.model.closed);
        }
    }
}

fn drive<K: Kind>(
    mut input: Input<'_>,
    (tx, rx): (Sender<Box<u8>, K>, Receiver<Box<u8>, K>),
    another: Another<K>,
) {
    let mut subject = Subject {
        capacity: tx.capacity(),
        senders: vec![tx],
        rx: Some(rx),
        another,
        model: Model::default(),
    };
    while !input.is_empty() {
        let (op, value) = (input.byte(), input.byte());
        subject.apply(op, value);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (kind, capacity) = (input.byte(), 1 + usize::from(input.byte() % 9));
    match kind % 3 {
        0 => drive(input, local::channel(capacity), |tx| Some(tx.clone())),
        1 => drive(input, spsc::channel(capacity), |_| None),
        _ => drive(input, mpsc::channel(capacity), |tx| Some(tx.clone())),
    }
});
