//! A storage that the tests can look into, and fill up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Storage;

/// A storage in memory that may have no room left.
#[derive(Clone, Debug, Default)]
pub(in crate::chat) struct Memory {
    pub(in crate::chat) texts: Rc<RefCell<BTreeMap<String, String>>>,
    /// How much there is room for, if that is limited: octets of keys and texts.
    pub(in crate::chat) quota: Option<usize>,
}

impl Storage for Memory {
    fn keys(&self) -> Vec<String> {
        self.texts.borrow().keys().cloned().collect()
    }

    fn get(&self, key: &str) -> Option<String> {
        self.texts.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, text: &str) -> bool {
        let mut texts = self.texts.borrow_mut();
        let fits = self.quota.is_none_or(|quota| {
            let others = texts.iter().filter(|(other, _)| *other != key);
            let used: usize = others.map(|(key, text)| key.len() + text.len()).sum();
            used + key.len() + text.len() <= quota
        });
        if fits {
            texts.insert(key.to_owned(), text.to_owned());
        }
        fits
    }

    fn remove(&self, key: &str) {
        self.texts.borrow_mut().remove(key);
    }
}
