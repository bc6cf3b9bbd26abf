//! How many WebSocket connections are let in, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections.
pub struct Door {
    most: usize,
    most_per_address: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place inside; dropping it gives the place back.
pub struct Place {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    /// A door with these limits.
    pub fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            most,
            most_per_address,
            inside: Mutex::default(),
        }
    }

    /// A place for a connection from this address, if there is one. Loopback is bound by the total only: a proxy or a load
    /// test may stand behind it.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut inside = self.inside();
        let of_address = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.all >= self.most
            || (of_address >= self.most_per_address && !address.to_canonical().is_loopback())
        {
            return None;
        }
        inside.all += 1;
        *inside.by_address.entry(address).or_default() += 1;
        Some(Place {
            door: Arc::clone(self),
            address,
        })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Counts change in two steps that cannot panic.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.door.inside();
        inside.all -= 1;
        if let Some(count) = inside.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_in_all_and_per_address() {
        let door = Arc::new(Door::new(4, 2));
        let (first, second): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let places: Vec<_> = [first, first, second]
            .into_iter()
            .map(|address| door.enter(address))
            .collect();
        assert!(places.iter().all(Option::is_some));
        assert!(door.enter(first).is_none(), "two of one address");
        let loopback = "127.0.0.1".parse().unwrap();
        let last = door.enter(loopback);
        assert!(door.enter(second).is_none(), "four in all");
        drop(last);
        drop(places);
        assert!(door.enter(first).is_some());
        assert_eq!(door.inside().all, 0);
        let many: Vec<_> = (0..4).map(|_| door.enter(loopback)).collect();
        assert!(
            many.iter().all(Option::is_some),
            "loopback is bound by the total only"
        );
    }
}
