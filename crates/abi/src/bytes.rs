//! Little-endian structures, field after field.

/// Writes an `N`-byte structure front to back.
pub(crate) struct Writer<const N: usize> {
    buf: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    pub(crate) fn new() -> Self {
        Writer { buf: [0; N], at: 0 }
    }

    pub(crate) fn bytes(mut self, data: &[u8]) -> Self {
        self.buf[self.at..self.at + data.len()].copy_from_slice(data);
        self.at += data.len();
        self
    }

    pub(crate) fn u8(self, v: u8) -> Self {
        self.bytes(&[v])
    }

    pub(crate) fn u16(self, v: u16) -> Self {
        self.bytes(&v.to_le_bytes())
    }

    pub(crate) fn u32(self, v: u32) -> Self {
        self.bytes(&v.to_le_bytes())
    }

    pub(crate) fn i32(self, v: i32) -> Self {
        self.bytes(&v.to_le_bytes())
    }

    pub(crate) fn u64(self, v: u64) -> Self {
        self.bytes(&v.to_le_bytes())
    }

    pub(crate) fn i64(self, v: i64) -> Self {
        self.bytes(&v.to_le_bytes())
    }

    /// Padding, or fields that stay zero.
    pub(crate) fn zero(mut self, len: usize) -> Self {
        self.at += len;
        self
    }

    /// The whole structure; every byte has been named.
    pub(crate) fn done(self) -> [u8; N] {
        debug_assert_eq!(self.at, N, "layout does not add up");
        self.buf
    }

    /// The whole structure, zero from here on.
    pub(crate) fn rest_zero(self) -> [u8; N] {
        self.buf
    }
}

/// Reads a structure front to back. The caller's array type guarantees the length.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Reader(data)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let (head, tail) = self.0.split_first_chunk().expect("the layout fits the array");
        self.0 = tail;
        *head
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(crate) fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }
}
