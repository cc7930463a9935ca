//! What a loop does when it has no work: look, spin, sleep.
//!
//! 1. For `spin`, look at the inbox, the sockets and the clock again and again.
//! 2. Look at everything once more. Wakers have run in the spin, and after the
//!    turn's look at the timers. They may have begun a timer, paused the clock or
//!    ended the last hold on it: on this thread, where no wake tells of it. If
//!    there is work, or a deadline comes within `spin`, begin again.
//! 3. Step to *parked*, which fails if a wake has come in between. Nothing foreign
//!    runs between the look and this step.
//! 4. Sleep in the OS until `spin` before the next deadline, the bell or a socket.
//!    If there is no deadline and no socket is watched: on the inbox's word, where
//!    the OS has that, which is cheaper to wake from. Not so for some time after a
//!    wake that came before it slept.
//! 5. Step back to *running*, and take what came.
//!
//! `block_on_busy` goes on with the next turn instead. What was taken out
//! of the inbox and not yet looked at is work: the loop does not sleep on it.

use super::drive::Runtime;
use super::inbox::Park;
use std::time::{Duration, Instant};

/// Parks after which a runtime that was woken in a hurry sees whether it still is.
#[cfg(all(target_os = "linux", not(miri)))]
const HURRIED: u32 = 64;

impl Runtime<'_> {
    #[cold]
    pub(super) fn look_at_sockets(&mut self) {
        self.shared().counters.socket_polls.add(1);
        if let Err(error) = self.poller.look() {
            panic!("the OS refused to say what has happened: {error}");
        }
        self.report();
    }

    /// Wakes the tasks that wait for what the poller has heard.
    fn report(&mut self) {
        let watches = &self.watches;
        self.poller
            .report(|event, first| watches.hear(event, first));
    }

    /// Moves a paused clock to the next deadline, if it may; there is no work.
    #[inline(always)]
    pub(super) fn jump(&self) -> bool {
        let timers = &self.shared().timers;
        timers.clock.is_paused() && self.clock_may_jump() && timers.jump()
    }

    /// Whether nothing but a timer can cause work on this thread: no socket is
    /// waited for, and nobody holds the clock.
    #[cold]
    fn clock_may_jump(&self) -> bool {
        let shared = self.shared();
        // What a holder handed over before it let go may have come after the
        // last look at the inbox.
        !self.watches.has_waiters() && !shared.timers.clock.is_held() && !shared.has_work()
    }

    /// The complete look: at the queues, the inbox, the clock and the timers, the
    /// staged ones included. Runs no foreign code. A paused clock jumps, if it may.
    fn look(&self) -> Outlook {
        let shared = self.shared();
        if shared.has_work() || self.jump() {
            return Outlook::Work;
        }
        match shared.timers.sleep_time() {
            Some((_, left)) if left.is_zero() => Outlook::Work,
            until => Outlook::Quiet(until),
        }
    }

    /// See the module.
    #[cold]
    pub(super) fn idle(&mut self) {
        // Wakers run in the spin, and may do anything.
        if !self.limits.spin.is_zero() && self.spin() {
            return;
        }
        // The last look. Between it and the step to parked nothing foreign runs.
        let Outlook::Quiet(until) = self.look() else {
            return;
        };
        // What the OS takes to wake a thread is spun away, too.
        let sleep = until.map(|(now, left)| (now, left.saturating_sub(self.limits.spin)));
        if sleep.is_some_and(|(_, sleep)| sleep.is_zero()) {
            return;
        }
        let park = self.park(sleep.is_some());
        if self.shared().intake.begin_park(park) {
            self.sleep(park, sleep);
        }
    }

    /// Sleeps in the OS, steps back to running, and wakes the tasks that wait
    /// for a socket that is ready.
    fn sleep(&mut self, park: Park, sleep: Option<(Instant, Duration)>) {
        // SAFETY: alive until `drop`.
        let shared = unsafe { self.shared.as_ref() };
        shared.counters.parks.add(1);
        let slept = match park {
            Park::Poller => self.poller.sleep(sleep),
            #[cfg(all(target_os = "linux", not(miri)))]
            Park::Here => {
                if !shared.intake.sleep() {
                    self.parks_in_poller = HURRIED;
                }
                Ok(())
            }
        };
        shared.intake.end_park();
        shared.timers.clock.forget_time();
        if let Err(error) = slept {
            panic!("the OS refused to wait for events: {error}");
        }
        self.report();
    }

    /// Where to sleep: in the poller only if it has something to wait for; or if
    /// wakes come in such a hurry that nobody sleeps. There the time that the
    /// poller takes lets several messages come together, and spares the senders of
    /// all but the first a system call.
    fn park(&mut self, has_deadline: bool) -> Park {
        #[cfg(all(target_os = "linux", not(miri)))]
        if !has_deadline && !self.watches.is_watching() {
            if self.parks_in_poller == 0 {
                return Park::Here;
            }
            self.parks_in_poller -= 1;
        }
        let _ = has_deadline;
        Park::Poller
    }

    /// Looks for work for a while. `true`: there is some.
    fn spin(&mut self) -> bool {
        let shared = self.shared();
        shared.counters.spins.add(1);
        let found = self.spin_until_work();
        // The turn that follows, or the look before a park, reads the clock anew.
        self.shared().timers.clock.forget_time();
        found
    }

    fn spin_until_work(&mut self) -> bool {
        /// Looks at the inbox between two looks at clock and sockets.
        const LOOKS: usize = 16;
        // SAFETY: alive until `drop`.
        let shared = unsafe { self.shared.as_ref() };
        let begin = Instant::now();
        let mut outlook = self.look();
        loop {
            let Outlook::Quiet(deadline) = outlook else {
                return true;
            };
            for _ in 0..LOOKS {
                if shared.has_work() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.watches.is_watching() {
                shared.timers.clock.forget_time();
                self.look_at_sockets();
                // A waker may have begun a timer, paused the clock or ended a hold.
                outlook = self.look();
            }
            let now = Instant::now();
            if deadline.is_some_and(|(begin, left)| now.duration_since(begin) >= left) {
                return true;
            }
            if now.duration_since(begin) >= self.limits.spin {
                return false;
            }
        }
    }
}

/// What a [look](Runtime::look) has found.
#[derive(Clone, Copy)]
enum Outlook {
    /// Something for the next turn.
    Work,
    /// Nothing until then, in the system's time: so long after that moment. `None`:
    /// nothing until somebody wakes the runtime.
    Quiet(Option<(Instant, Duration)>),
}
