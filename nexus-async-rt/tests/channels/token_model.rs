//! Any sequence of operations on tokens against a model of the tree that keeps
//! everything that ever was.

use nexus_async_rt::CancellationToken;
use nexus_async_rt::cancel::CancelledOwnedFut;
use nexus_testkit::hand::Hand;
use nexus_testkit::property::property;
use nexus_testkit::{scaled, within};
use proptest::prelude::*;
use std::time::Duration;

/// The index picks among what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Root,
    Child(usize),
    Clone(usize),
    Drop(usize),
    Cancel(usize),
    Wait(usize),
    Leave(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..1000_usize;
    prop_oneof![
        1 => Just(Op::Root),
        8 => at.clone().prop_map(Op::Child),
        2 => at.clone().prop_map(Op::Clone),
        6 => at.clone().prop_map(Op::Drop),
        1 => at.clone().prop_map(Op::Cancel),
        3 => at.clone().prop_map(Op::Wait),
        1 => at.prop_map(Op::Leave),
    ]
}

/// A token as it should be. Never forgotten.
struct Expected {
    parent: Option<usize>,
    cancelled: bool,
}

#[derive(Default)]
struct Subject {
    expected: Vec<Expected>,
    handles: Vec<(usize, CancellationToken)>,
    waiters: Vec<(usize, Hand<CancelledOwnedFut>)>,
}

impl Subject {
    fn add(&mut self, parent: Option<usize>, token: CancellationToken) {
        let cancelled = parent.is_some_and(|parent| self.expected[parent].cancelled);
        self.expected.push(Expected { parent, cancelled });
        self.handles.push((self.expected.len() - 1, token));
    }

    fn apply(&mut self, op: Op) {
        let count = self.handles.len();
        match op {
            Op::Root => self.add(None, CancellationToken::new()),
            Op::Leave(at) if !self.waiters.is_empty() => {
                let (_, mut waiter) = self.waiters.swap_remove(at % self.waiters.len());
                waiter.cancel();
                assert_eq!(waiter.wakers_left(), 0);
            }
            _ if count == 0 => {}
            Op::Child(at) => {
                let (node, token) = &self.handles[at % count];
                let (node, child) = (*node, token.child());
                self.add(Some(node), child);
            }
            Op::Clone(at) => {
                let (node, token) = &self.handles[at % count];
                self.handles.push((*node, token.clone()));
            }
            Op::Drop(at) => drop(self.handles.swap_remove(at % count)),
            Op::Cancel(at) => {
                let (node, token) = &self.handles[at % count];
                token.cancel();
                self.expected[*node].cancelled = true;
                // Parents come before their children.
                for at in 0..self.expected.len() {
                    if let Some(parent) = self.expected[at].parent {
                        self.expected[at].cancelled |= self.expected[parent].cancelled;
                    }
                }
            }
            Op::Wait(at) => {
                let (node, token) = &self.handles[at % count];
                let mut waiter = Hand::new(token.clone().cancelled_owned());
                let cancelled = waiter.poll().is_ready();
                assert_eq!(cancelled, self.expected[*node].cancelled);
                if !cancelled {
                    self.waiters.push((*node, waiter));
                }
            }
            Op::Leave(_) => {}
        }
    }

    fn check(&self) {
        for (node, token) in &self.handles {
            assert_eq!(token.is_cancelled(), self.expected[*node].cancelled);
        }
        for (node, waiter) in &self.waiters {
            let cancelled = usize::from(self.expected[*node].cancelled);
            assert_eq!(waiter.wakes(), cancelled);
        }
    }
}

#[test]
fn tokens_are_a_tree_whatever_comes_and_goes() {
    within(Duration::from_secs(60 * scaled(1) as u64), || {
        let ops = proptest::collection::vec(op(), 1..300);
        property(scaled(300), ops, |ops| {
            let mut subject = Subject::default();
            for op in ops {
                subject.apply(op);
                subject.check();
            }
        });
    });
}
