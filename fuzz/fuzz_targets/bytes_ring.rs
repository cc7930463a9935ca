//! Claims over each byte kind, many of them open at a time where it has many
//! senders, against the model of the library's own tests.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_async_rt::channel::{ByteReceiver, ByteSender, CrossThread, mpsc_bytes, spsc_bytes};
use nexus_fuzz::Input;
use nexus_fuzz::claims::{Op, Subject, Take};

fn op(input: &mut Input<'_>, max: usize) -> Op {
    let first = input.byte();
    let at = usize::from(first >> 5);
    match first % 32 {
        0..=6 => Op::Claim(at, input.len(max)),
        7..=9 => Op::Wait(at, input.len(max)),
        10..=13 => Op::Commit(at),
        14..=16 => Op::CommitLen(at, input.below(max + 1)),
        17 | 18 => Op::Abort(at),
        19 | 20 => Op::Forget(at),
        21 | 22 => Op::Clone(at),
        23 => Op::DropSender(at),
        24 | 25 => Op::Recv(Take::Hold),
        26 | 27 => Op::Recv(Take::Forget),
        28 => match input.byte() {
            77 => Op::Close,
            78 => Op::DropReceiver,
            _ => Op::Recv(Take::Drop),
        },
        _ => Op::Recv(Take::Drop),
    }
}

fn drive<K: CrossThread>(
    mut input: Input<'_>,
    ends: (ByteSender<K>, ByteReceiver<K>),
    another: fn(&ByteSender<K>) -> Option<ByteSender<K>>,
) {
    let max = ends.0.max_message_len();
    let mut subject = Subject::new(ends, another);
    while !input.is_empty() {
        subject.apply(op(&mut input, max));
    }
    subject.end();
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (kind, capacity) = (input.byte(), 64 << (input.byte() % 5));
    match kind % 2 {
        0 => drive(input, spsc_bytes::channel(capacity), |_| None),
        _ => drive(input, mpsc_bytes::channel(capacity), |tx| Some(tx.clone())),
    }
});
