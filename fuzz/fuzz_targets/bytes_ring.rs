//! Claims, commits, aborts and forgotten claims of two senders, and reads,
//! against a deque of messages.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_async_rt::channel::{TryClaimError, TryRecvError, mpsc_bytes};
use nexus_fuzz::{Input, Model};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (first, mut rx) = mpsc_bytes::channel(64 << (input.byte() % 5));
    let mut senders = [first.clone(), first];
    let mut model = Model::<Vec<u8>>::default();
    while !input.is_empty() {
        let (op, fill) = (input.byte(), input.byte());
        let tx = &mut senders[usize::from(op >> 7)];
        match op & 7 {
            0..=3 => {
                let max = tx.max_message_len();
                let len = input.len(max);
                let mut forgotten = false;
                match tx.try_claim(len) {
                    Ok(mut claim) => {
                        assert_eq!(claim.len(), len);
                        claim.fill(fill);
                        let kept = input.below(len + 1);
                        match op & 3 {
                            0 | 1 => {
                                claim.commit();
                                model.accept(vec![fill; len]);
                            }
                            2 if kept > 0 => {
                                claim.commit_len(kept);
                                model.accept(vec![fill; kept]);
                            }
                            2 => drop(claim),
                            _ => {
                                std::mem::forget(claim);
                                forgotten = true;
                            }
                        }
                    }
                    Err(TryClaimError::Full) => assert!(!model.closed && (1..=max).contains(&len)),
                    Err(TryClaimError::ZeroLength) => assert_eq!(len, 0),
                    Err(TryClaimError::TooLong { .. }) => assert!(len > max),
                    Err(_) => assert!(model.closed),
                }
                if forgotten {
                    // Resolved at once, so that it holds nothing back.
                    drop(tx.claim(1));
                }
            }
            4..=6 => match rx.try_recv() {
                Ok(message) => {
                    model.deliver(&*message);
                    if fill % 4 == 0 {
                        std::mem::forget(message);
                    }
                }
                Err(error) => model.deliver_nothing(error == TryRecvError::Disconnected),
            },
            _ if fill == 77 => {
                rx.close();
                model.closed = true;
            }
            _ => {}
        }
    }
    drop(senders);
    model.closed = true;
    while let Ok(message) = rx.try_recv() {
        model.deliver(&*message);
    }
    model.deliver_nothing(true);
});
