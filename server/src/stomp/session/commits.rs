//! Transactions that are being carried out.
//!
//! Their SENDs are produced in order (decision 18). What they acknowledge is settled once all of the SENDs have been
//! carried out, and the receipts of their frames are sent then, too: each promises the whole transaction.

use std::collections::HashMap;
use std::time::Instant;

use ::stomp::Headers;
use bytestring::ByteString;

use super::acknowledgements::Settlement;
use super::pending::{Asker, Sent};
use super::transactions::Action;
use super::{Output, Session, send_receipt};
use crate::stomp::destinations::Destinations;
use crate::stomp::refusal::Refusal;

/// The transactions that are being carried out.
#[derive(Debug, Default)]
pub(super) struct Commits {
    by_number: HashMap<u64, Commit>,
    numbered: u64,
}

/// A transaction that was found good.
#[derive(Debug)]
struct Commit {
    /// The receipt that COMMIT asks for.
    receipt: Option<ByteString>,
    /// The receipts that its frames ask for, with what there is to say.
    receipts: Vec<(Option<ByteString>, Headers)>,
    settlements: Vec<Settlement>,
    /// SENDs that are not carried out yet.
    outstanding: usize,
    failed: bool,
}

impl Commits {
    pub(super) fn clear(&mut self) {
        self.by_number.clear();
    }
}

impl<D: Destinations> Session<D> {
    /// Carries out what was found good.
    pub(super) fn carry_out_all(
        &mut self,
        actions: Vec<Action>,
        receipt: Option<ByteString>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let number = self.commits.numbered;
        self.commits.numbered += 1;
        let mut commit = Commit {
            receipt,
            receipts: Vec::with_capacity(actions.len()),
            settlements: Vec::new(),
            // One more than there are, so that nothing ends before the last was handed over.
            outstanding: 1,
            failed: false,
        };
        let mut sends = Vec::new();
        for (place, action) in actions.into_iter().enumerate() {
            let receipt = match action {
                Action::Send(request, sent) => {
                    commit.outstanding += 1;
                    let asker = Asker::Commit {
                        number,
                        place,
                        client_msg_id: sent.client_msg_id,
                    };
                    sends.push((request, asker));
                    sent.receipt
                }
                Action::Settle(settlement, receipt) => {
                    commit.settlements.push(settlement);
                    receipt
                }
            };
            commit.receipts.push((receipt, Headers::new()));
        }
        self.commits.by_number.insert(number, commit);
        let mut sends = sends.into_iter();
        for (request, asker) in sends.by_ref() {
            if !self.hand_over(request, asker, now, out) {
                break;
            }
        }
        // What follows a SEND that was refused after all is not tried: the order is that of the frames.
        self.commit_proceeds(number, 1 + sends.len(), out);
    }

    /// Learns that a SEND of a transaction was carried out.
    pub(super) fn commit_advanced(
        &mut self,
        number: u64,
        place: usize,
        extra: Headers,
        out: &mut Vec<Output>,
    ) {
        if let Some(commit) = self.commits.by_number.get_mut(&number)
            && let Some((_, headers)) = commit.receipts.get_mut(place)
        {
            *headers = extra;
        }
        self.commit_proceeds(number, 1, out);
    }

    /// Learns that a SEND of a transaction failed after all.
    pub(super) fn commit_refused(
        &mut self,
        number: u64,
        client_msg_id: Option<ByteString>,
        refusal: &Refusal,
        out: &mut Vec<Output>,
    ) {
        let Some(commit) = self.commits.by_number.get_mut(&number) else {
            return;
        };
        commit.failed = true;
        let sent = Sent {
            receipt: commit.receipt.clone(),
            client_msg_id,
        };
        self.refuse(&sent, refusal, out);
        self.commit_proceeds(number, 1, out);
    }

    /// Counts SENDs that need no more waiting; with the last one the transaction is over.
    fn commit_proceeds(&mut self, number: u64, done: usize, out: &mut Vec<Output>) {
        let Some(commit) = self.commits.by_number.get_mut(&number) else {
            return;
        };
        commit.outstanding = commit.outstanding.saturating_sub(done);
        if commit.outstanding > 0 {
            return;
        }
        let Some(commit) = self.commits.by_number.remove(&number) else {
            return;
        };
        if commit.failed {
            for settlement in &commit.settlements {
                self.mark(settlement, false);
            }
            return;
        }
        for settlement in &commit.settlements {
            self.carry_out(settlement);
        }
        for (receipt, extra) in &commit.receipts {
            send_receipt(receipt.as_ref(), extra, out);
        }
        send_receipt(commit.receipt.as_ref(), &Headers::new(), out);
    }
}
