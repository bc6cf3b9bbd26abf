//! The browser's storage: what was composed in any tab and is not in the log yet, and which tab sends it.
//!
//! Each tab keeps its messages under its own name, and a lease for as long as it has any. Whoever finds messages without a
//! valid lease (their tab crashed, was closed or is asleep) takes them over. The storage has no locks that could rule out
//! that two tabs send one message, nor need it: both send it under the same id, and the log takes an id once.

use super::outbox::Entry;

#[cfg(test)]
pub(super) mod memory;
#[cfg(test)]
mod tests;

/// How long a lease holds, in milliseconds. A tab that is not asleep tends its messages every [`Store::TENDING_MS`].
const LEASE_MS: u64 = 15_000;
/// `maru/outbox/{uid}/{tab}/{id}`: an [`Entry`].
const ENTRIES: &str = "maru/outbox/";
/// `maru/lease/{tab}`: until when, in Unix milliseconds.
const LEASES: &str = "maru/lease/";

/// Text by key, shared by all tabs, which outlives them: `localStorage`, in the words that are needed of it.
pub trait Storage {
    /// All keys.
    fn keys(&self) -> Vec<String>;
    /// The text of a key.
    fn get(&self, key: &str) -> Option<String>;
    /// Sets the text of a key. False if there is no room for it.
    fn set(&self, key: &str, text: &str) -> bool;
    /// Removes a key.
    fn remove(&self, key: &str);
}

/// One tab's part of the storage.
#[derive(Debug)]
pub struct Store<S> {
    storage: S,
    /// Whose messages: another person in the same browser must not send them.
    uid: String,
    tab: String,
    /// The ids of the messages that this tab has stored.
    held: Vec<String>,
}

/// What a look into the storage showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tending {
    /// This tab's from now on, in their order.
    pub adopted: Vec<Entry>,
    /// Those of them that the storage had no room for after all.
    pub not_kept: Vec<String>,
    /// Another tab's, which took them while this one was asleep.
    pub taken_over: Vec<String>,
}

impl<S: Storage> Store<S> {
    /// How often to [`tend`](Self::tend), in milliseconds.
    pub const TENDING_MS: u64 = 5_000;

    /// Nothing yet. `tab` names this tab's present page and no other; neither name may contain a slash.
    pub fn new(storage: S, uid: String, tab: String) -> Self {
        Self {
            storage,
            uid,
            tab,
            held: Vec::new(),
        }
    }

    /// Keeps a message. False if there is no room for it.
    pub fn keep(&mut self, now: u64, entry: &Entry) -> bool {
        // The lease comes first: without one the message would be anybody's.
        let is_leased = self.is_leased(&self.tab, now) || self.lease(now);
        let kept = is_leased && self.storage.set(&self.key(&entry.id), &entry.encode());
        if kept && !self.held.contains(&entry.id) {
            self.held.push(entry.id.clone());
        }
        kept
    }

    /// A message need not be kept any longer.
    pub fn forget(&mut self, id: &str) {
        self.storage.remove(&self.key(id));
        self.held.retain(|held| held != id);
    }

    /// Whether this tab slept for longer than its lease, or another tab has ended the lease because by the clock of that
    /// moment it did: [`tend`](Self::tend) before anything is sent.
    pub fn has_lapsed(&self, now: u64) -> bool {
        !self.held.is_empty() && !self.is_leased(&self.tab, now)
    }

    /// Renews the lease, and takes over what nobody looks after. `before` is the page that this tab showed before: it is
    /// gone, whatever its lease says.
    pub fn tend(&mut self, now: u64, before: Option<&str>) -> Tending {
        let taken_over = if self.has_lapsed(now) {
            self.missing()
        } else {
            Vec::new()
        };
        self.held.retain(|id| !taken_over.contains(id));
        let adopted = self.adopt(now, before);
        let is_held = |entry: &&Entry| self.held.contains(&entry.id);
        let not_kept = adopted.iter().filter(|entry| !is_held(entry));
        let not_kept = not_kept.map(|entry| entry.id.clone()).collect();
        if self.held.is_empty() {
            self.release();
        } else {
            self.lease(now);
        }
        Tending {
            adopted,
            not_kept,
            taken_over,
        }
    }

    /// The page goes away, perhaps for good: whoever comes next may take over at once.
    pub fn release(&self) {
        self.storage.remove(&lease_key(&self.tab));
    }

    /// What this tab has stored, and is not there.
    fn missing(&self) -> Vec<String> {
        let is_missing = |id: &&String| self.storage.get(&self.key(id)).is_none();
        self.held.iter().filter(is_missing).cloned().collect()
    }

    fn adopt(&mut self, now: u64, before: Option<&str>) -> Vec<Entry> {
        let prefix = format!("{ENTRIES}{}/", self.uid);
        let mut adopted: Vec<Entry> = Vec::new();
        for key in self.storage.keys() {
            if let Some(tab) = key.strip_prefix(LEASES)
                && !self.is_leased(tab, now)
            {
                // If its tab is only asleep, this is how it will know.
                self.storage.remove(&key);
            }
            let Some((tab, _)) = key
                .strip_prefix(&prefix)
                .and_then(|rest| rest.split_once('/'))
            else {
                continue;
            };
            if tab == self.tab || (before != Some(tab) && self.is_leased(tab, now)) {
                continue;
            }
            // What another version wrote is left to that version.
            let text = self.storage.get(&key);
            if let Some(entry) = text.and_then(|text| Entry::decode(&text)) {
                self.take(now, &key, &entry);
                // In order at once: the library's sorting would be a part of the page's program for this alone.
                let place = adopted.partition_point(|other| other.rank <= entry.rank);
                adopted.insert(place, entry);
            }
        }
        adopted
    }

    /// Puts an entry under this tab's name. It is never in no place, unless the storage is full.
    fn take(&mut self, now: u64, key: &str, entry: &Entry) {
        let kept = self.keep(now, entry);
        self.storage.remove(key);
        if !kept {
            self.keep(now, entry);
        }
    }

    /// Makes sure of a lease for the next time. False if there is no room for it.
    fn lease(&self, now: u64) -> bool {
        let until = (now + LEASE_MS).to_string();
        self.storage.set(&lease_key(&self.tab), &until)
    }

    fn is_leased(&self, tab: &str, now: u64) -> bool {
        let until = self.storage.get(&lease_key(tab));
        until.is_some_and(|until| until.parse().is_ok_and(|until| is_valid(until, now)))
    }

    fn key(&self, id: &str) -> String {
        format!("{ENTRIES}{}/{}/{id}", self.uid, self.tab)
    }
}

fn lease_key(tab: &str) -> String {
    format!("{LEASES}{tab}")
}

/// A lease that ends later than any could was given by a clock that has been set back.
fn is_valid(until: u64, now: u64) -> bool {
    now < until && until <= now + LEASE_MS
}
