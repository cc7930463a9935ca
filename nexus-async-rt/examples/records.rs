//! Bytes without allocation: records of different lengths, written straight
//! into the ring of an `spsc_bytes` channel and read where they lie.

use nexus_async_rt::channel::{ClaimError, spsc_bytes};
use nexus_async_rt::{Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;
use std::io::Write as _;

const RECORDS: u32 = 300;

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(async {
        let (mut tx, mut rx) = spsc_bytes::channel(1024);

        let writer = spawn_boxed(async move {
            // What can never be sent is refused at once.
            let max = tx.max_message_len();
            let refused = tx.claim(max + 1).await.map(drop);
            assert_eq!(refused, Err(ClaimError::TooLong { len: max + 1, max }));
            assert_eq!(tx.claim(0).await.map(drop), Err(ClaimError::ZeroLength));

            for id in 0..RECORDS {
                let mut claim = tx.claim(64).await.expect("the reader is there");
                let mut rest: &mut [u8] = &mut claim;
                write!(rest, "order {id} costs {}", u64::from(id).pow(4)).expect("64 bytes do");
                // As long as it came out; the others go back to the ring.
                let unused = rest.len();
                let used = claim.len() - unused;
                if id % 100 == 99 {
                    // Changed our mind: dropped, it was never sent.
                    drop(claim);
                } else {
                    claim.commit_len(used);
                }
            }
        });
        let reader = spawn_boxed(async move {
            let (mut records, mut bytes) = (0, 0);
            while let Ok(record) = rx.recv().await {
                let text = std::str::from_utf8(&record).expect("what was written");
                assert!(text.starts_with("order ") && !text.contains('\0'));
                records += 1;
                bytes += record.len();
                // Dropped here: the record's space is free again.
            }
            (records, bytes)
        });

        writer.await;
        let (records, bytes) = reader.await;
        assert_eq!(records, RECORDS - 3, "three were aborted");
        println!("{records} records, {bytes} bytes");
    });
}
