//! How many bytes of answers one address gets.
//!
//! An answer is up to 69 times as long as its request, and the sender of a datagram can be
//! forged. So each address has a bucket of tokens (a token is a byte): what it may get at
//! once, and what comes in a second.

use rustc_hash::FxHashMap;
use std::net::IpAddr;
use std::time::Instant;

/// What an address may get at once.
const BURST: f64 = 4.0 * 1024.0 * 1024.0;

/// What an address gets in a second for as long as it asks.
pub(super) const BYTES_A_SECOND: f64 = 8.0 * 1024.0 * 1024.0;

/// Addresses that are remembered; those that have not asked for longest go first.
const MOST: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The buckets of all addresses.
#[derive(Debug, Default)]
pub(super) struct Allowances(FxHashMap<IpAddr, Bucket>);

impl Allowances {
    /// Takes `bytes` for `address`. Returns whether they were there.
    pub(super) fn take(&mut self, address: IpAddr, bytes: usize, now: Instant) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&address) {
            let oldest = self.0.iter().min_by_key(|(_, bucket)| bucket.at);
            if let Some(oldest) = oldest.map(|(&address, _)| address) {
                self.0.remove(&oldest);
            }
        }
        let bucket = self.0.entry(address).or_insert(Bucket {
            tokens: BURST,
            at: now,
        });
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * BYTES_A_SECOND).min(BURST);
        bucket.at = now;
        let there = bucket.tokens >= bytes as f64;
        if there {
            bucket.tokens -= bytes as f64;
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn an_address_gets_a_burst_and_then_so_much_a_second() {
        let begin = Instant::now();
        let mut allowances = Allowances::default();
        let ours = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut got = 0;
        while allowances.take(ours, 1_400, begin) {
            got += 1_400;
        }
        assert!(got > BURST as usize - 1_400 && got <= BURST as usize);
        let other = IpAddr::from([10, 0, 0, 1]);
        assert!(allowances.take(other, 1_400, begin));
        let second = begin + Duration::from_secs(1);
        assert!(allowances.take(ours, 1_400, second));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let begin = Instant::now();
        let mut allowances = Allowances::default();
        for n in 0..5_000_u32 {
            let at = begin + Duration::from_micros(n.into());
            assert!(allowances.take(IpAddr::from(n.to_be_bytes()), 20, at));
        }
        assert_eq!(allowances.0.len(), MOST);
    }
}
