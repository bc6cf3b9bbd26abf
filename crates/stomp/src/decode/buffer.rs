//! The bytes that arrived, cut into contiguous parts; copied only where a part straddles two chunks.

use std::mem;

use bytes::{Buf, Bytes, BytesMut};

/// The bytes of the part being read (`taken`), then those not read yet (`rest`).
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The taken bytes, if some of them came in an earlier chunk.
    earlier: BytesMut,
    /// The chunk that arrived last.
    chunk: Bytes,
    /// How many bytes at the start of `chunk` are taken; 0 whenever `earlier` holds something.
    taken: usize,
    #[cfg(test)]
    pub(super) searched: usize,
}

impl Buffer {
    pub(super) fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            let mut joined = BytesMut::from(mem::take(&mut self.chunk));
            joined.extend_from_slice(&chunk);
            self.chunk = joined.freeze();
        }
    }

    pub(super) fn taken(&self) -> &[u8] {
        if self.earlier.is_empty() {
            &self.chunk[..self.taken]
        } else {
            &self.earlier
        }
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.chunk[self.taken..]
    }

    /// How many bytes are held.
    pub(super) fn len(&self) -> usize {
        self.earlier.len() + self.chunk.len()
    }

    /// Where in the rest `search` finds something. Every search goes through here, so that its work can be counted.
    pub(super) fn find(&mut self, search: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let found = search(self.rest());
        #[cfg(test)]
        {
            self.searched += found.map_or(self.rest().len(), |at| at + 1);
        }
        found
    }

    /// Drops bytes of the rest; only while none are taken.
    pub(super) fn skip(&mut self, count: usize) {
        debug_assert!(self.taken().is_empty(), "a part is contiguous");
        self.chunk.advance(count);
    }

    /// Adds the next bytes of the rest to the part.
    pub(super) fn take(&mut self, count: usize) {
        if self.earlier.is_empty() {
            self.taken += count;
        } else {
            self.earlier.extend_from_slice(&self.chunk[..count]);
            self.chunk.advance(count);
        }
    }

    /// Adds the whole rest to the part, which goes on in the next chunk. The memory of this chunk is let go.
    pub(super) fn take_rest(&mut self) {
        let chunk = mem::take(&mut self.chunk);
        self.earlier.extend_from_slice(&chunk);
        self.taken = 0;
    }

    /// The part, which ends here.
    pub(super) fn cut(&mut self) -> Bytes {
        if self.earlier.is_empty() {
            self.chunk.split_to(mem::take(&mut self.taken))
        } else {
            mem::take(&mut self.earlier).freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_within_a_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"0123456789");
        let mut buffer = Buffer::default();
        buffer.push(chunk.clone());
        buffer.skip(1);
        buffer.take(2);
        buffer.take(3);
        assert_eq!(
            (buffer.taken(), buffer.rest()),
            (&b"12345"[..], &b"6789"[..])
        );
        let part = buffer.cut();
        assert_eq!(
            (&part[..], part.as_ptr()),
            (&b"12345"[..], chunk[1..].as_ptr())
        );
        assert_eq!((buffer.taken(), buffer.rest()), (&b""[..], &b"6789"[..]));
    }

    #[test]
    fn a_part_over_chunks_is_contiguous_and_what_follows_is_not_copied() {
        let mut buffer = Buffer::default();
        buffer.push(Bytes::from_static(b"ab"));
        buffer.take(1);
        buffer.take_rest();
        buffer.push(Bytes::from_static(b"cd"));
        buffer.take_rest();
        let last = Bytes::from_static(b"efgh");
        buffer.push(last.clone());
        buffer.take(1);
        assert_eq!(
            (buffer.taken(), buffer.rest(), buffer.len()),
            (&b"abcde"[..], &b"fgh"[..], 8)
        );
        assert_eq!(buffer.cut(), &b"abcde"[..]);
        buffer.take(3);
        assert_eq!(buffer.cut().as_ptr(), last[1..].as_ptr());
        assert_eq!(buffer.len(), 0);
    }

    #[test]
    fn chunks_that_were_not_read_join() {
        let mut buffer = Buffer::default();
        buffer.push(Bytes::from_static(b"ab"));
        buffer.take(1);
        buffer.push(Bytes::from_static(b"cd"));
        assert_eq!((buffer.taken(), buffer.rest()), (&b"a"[..], &b"bcd"[..]));
    }
}
