//! What the page shows of people and of other rooms, a tab in the background included: its title counts what is unread.

use std::rc::Rc;

use leptos::prelude::*;

use super::Live;
use crate::chat::Changes;
use crate::i18n;
use crate::rooms::listed;

impl Live {
    /// Writes what changed about people and rooms into the signals that the views read. Signals that change nothing are left
    /// alone.
    pub(super) fn tell_company(self: &Rc<Self>, changes: Changes) {
        let (feed, engine) = (self.feed, self.engine.borrow());
        let company = feed.company;
        if changes.people {
            let people = engine.people();
            // Names may have become ambiguous.
            let renamed = update(feed.people, people.present());
            // Rows say how many have not read them.
            if update(company.read, people.read()) || renamed {
                self.redraw();
            }
            if company.count.get_untracked() != people.count() {
                company.count.set(people.count());
            }
            let typing: Vec<_> = people.typing().map(|sender| sender.name.as_str()).collect();
            let aside = if typing.is_empty() {
                i18n::moves(feed.language, people.moves())
            } else {
                i18n::typing(feed.language, &typing)
            };
            if company.aside.with_untracked(|shown| *shown != aside) {
                company.aside.set(aside);
            }
        }
        if changes.rooms {
            let rooms = listed(engine.rooms_listed(), Some(&self.room), feed.language);
            update(company.rooms, &rooms);
        }
    }
}

/// True if the signal changed.
fn update<T: Clone + PartialEq + Send + Sync + 'static>(
    signal: RwSignal<Vec<T>>,
    now: &[T],
) -> bool {
    let changed = signal.with_untracked(|shown| *shown != now);
    if changed {
        signal.set(now.to_vec());
    }
    changed
}
