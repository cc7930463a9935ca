//! Which runtime the code on this thread runs in.

use super::block::Block;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Mutex;

thread_local! {
    static CURRENT: Cell<Option<NonNull<Block>>> = const { Cell::new(None) };
    /// [`Loan::lendable`](super::block::Loan) of the current runtime, or `NOWHERE`: one
    /// load and one comparison say whether a World can be lent, and whose.
    static LENDABLE: Cell<NonNull<Cell<u64>>> = const {
        Cell::new(NonNull::new((&raw const NOWHERE).cast_mut().cast()).unwrap())
    };
}

/// No runtime has this number. Never written: only a word that is a runtime's number is.
static NOWHERE: u64 = 0;

fn set(shared: Option<NonNull<Block>>) {
    CURRENT.set(shared);
    LENDABLE.set(match shared {
        // SAFETY: alive, guaranteed by the callers; in bounds, and never null.
        Some(shared) => unsafe { shared.byte_add(Block::LENDABLE).cast() },
        None => NonNull::from_ref(&NOWHERE).cast(),
    });
}

/// Puts the former runtime back when it is dropped, unless that has been closed
/// meanwhile: a task that is aborted between runs may own its runtime.
#[derive(Debug)]
pub(super) struct ContextGuard(Option<NonNull<Block>>);

/// Makes `shared` the current runtime until the guard is dropped.
///
/// # Safety
/// - `shared` is alive until then, and this is its owner's thread.
#[must_use]
pub(super) unsafe fn enter(shared: NonNull<Block>) -> ContextGuard {
    let former = ContextGuard(CURRENT.get());
    set(Some(shared));
    former
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        // SAFETY: alive, because what entered the former runtime is further
        // down this stack and keeps its memory: a run and a drop by the
        // `Runtime`, an abort by its task.
        let open = self
            .0
            .filter(|former| !unsafe { former.as_ref() }.intake.is_closed());
        set(open);
    }
}

/// The current runtime, if its World can be lent exclusively and `is_wanted` holds for
/// its number.
///
/// # Safety
/// - As for [`current`]; `is_wanted` does not hold for 0.
#[inline(always)]
pub(super) unsafe fn lendable<'a>(is_wanted: impl FnOnce(u64) -> bool) -> Option<&'a Block> {
    let word = LENDABLE.get();
    // SAFETY: a runtime's word is alive as in `current`. `NOWHERE` always is, and is read
    // only. What the caller wants is not 0, so the word is in a block, and the pointer
    // was made from that block's.
    unsafe {
        is_wanted(word.as_ref().get()).then(|| word.byte_sub(Block::LENDABLE).cast().as_ref())
    }
}

/// Runs `f` on the current runtime, for the public function `name`.
#[track_caller]
#[inline(always)]
pub(super) fn with<R>(name: &str, f: impl FnOnce(&Block) -> R) -> R {
    // SAFETY: given to `f` alone, which cannot keep it.
    f(unsafe { current(name) })
}

/// The current runtime, for the public function `name`. Not by a closure as in
/// [`with`]: a panic inside a closure points there and not to the caller.
///
/// # Safety
/// - Used only until the function that calls this has returned.
#[track_caller]
#[inline(always)]
pub(super) unsafe fn current<'a>(name: &str) -> &'a Block {
    match CURRENT.get() {
        // SAFETY: alive as long as it is used, because the guard that keeps it
        // there is further down this stack, guaranteed by `enter`.
        Some(shared) => unsafe { shared.as_ref() },
        None => missing(name),
    }
}

/// As [`with`], if there is a current runtime.
#[inline(always)]
pub(super) fn find<R>(f: impl FnOnce(&Block) -> R) -> Option<R> {
    // SAFETY: as in `with`.
    CURRENT.get().map(|shared| f(unsafe { shared.as_ref() }))
}

#[cold]
#[track_caller]
fn missing(name: &str) -> ! {
    panic!(
        "`{name}` was called outside a runtime: no `block_on` is on this thread's stack. Call it in \
         a future that `Runtime::block_on` runs"
    )
}

/// A number that no other runtime of this process gets.
pub(super) fn next_number() -> u64 {
    static NEXT: Mutex<u64> = Mutex::new(0);
    let mut next = NEXT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    *next += 1;
    *next
}
