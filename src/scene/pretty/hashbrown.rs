//! Rust's hash tables: a byte of control for each bucket (hashbrown, src/raw.rs).
//!
//! The control bytes lie behind the buckets, which are counted backwards from there; before hashbrown 0.9 the buckets had
//! a pointer of their own, `data`. A byte with its highest bit set stands for a bucket that holds nothing.

use super::{Children, Hint, Look, Shown, rust};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::types::Type;

type Answer = Result<Option<Shown>, ValueError>;

/// The bit of a control byte that is set where a bucket holds nothing.
const EMPTY: u8 = 0x80;

/// So many control bytes are read at a time.
const CHUNK: u64 = 1024;

/// So many buckets are looked at for the elements that are shown: a table that is nearly empty or damaged is not read
/// for minutes.
const MAX_BUCKETS: u64 = 1 << 26;

/// A table, and how far it was read.
struct Table<'a> {
    look: &'a Look<'a>,
    pair: Type,
    control: Addr,
    /// Where the buckets begin, in the old layout.
    data: Option<Addr>,
    buckets: u64,
    left: u64,
    at: u64,
    chunk: Vec<u8>,
}

impl<'a> Table<'a> {
    /// The table in a map or a set: behind `base` and `map`, in an order that changed.
    fn of(look: &'a Look<'a>, value: &Value) -> Result<Table<'a>, ValueError> {
        let mut around = value.clone();
        for _ in 0..4 {
            match look.member(&around, "table") {
                Ok(table) => return Table::read(look, &table),
                Err(_) => around = rust::either(look, &around, &["base", "map"])?,
            }
        }
        Err(ValueError::NoMember("table".to_owned()))
    }

    fn read(look: &'a Look<'a>, table: &Value) -> Result<Table<'a>, ValueError> {
        let pair = look.argument(table, 0)?;
        // Since hashbrown 0.9 what does not depend on the type is a structure of its own.
        let inner = look.member(table, "table").unwrap_or_else(|_| table.clone());
        let mask = look.number_at(&inner, &["bucket_mask"])?;
        let left = look.number_at(&inner, &["items"])?;
        let place = |name: &str| -> Result<Addr, ValueError> {
            Ok(Addr(look.number(&rust::pointer(look, look.member(&inner, name)?)?)?))
        };
        let (control, data) = (place("ctrl")?, place("data").ok());
        let buckets = mask.wrapping_add(1);
        if !buckets.is_power_of_two() || left > buckets {
            return Err(ValueError::Other("no table has these numbers of buckets and elements".to_owned()));
        }
        Ok(Table { look, pair, control, data, buckets, left, at: 0, chunk: Vec::new() })
    }

    /// The next bucket that holds something.
    fn next(&mut self) -> Result<Option<Value>, ValueError> {
        if self.left == 0 {
            return Ok(None);
        }
        while self.at < self.buckets.min(MAX_BUCKETS) {
            let (at, within) = (self.at, (self.at % CHUNK) as usize);
            if within == 0 {
                let length = (self.buckets - at).min(CHUNK) as usize;
                self.chunk = self.look.memory.bytes(self.control.add(at), length)?;
            }
            self.at += 1;
            if self.chunk.get(within).is_some_and(|byte| byte & EMPTY == 0) {
                self.left -= 1;
                return Ok(Some(Value::at(self.pair.clone(), self.bucket(at))));
            }
        }
        Err(ValueError::Other(format!("{} more elements are in no bucket", self.left)))
    }

    fn bucket(&self, at: u64) -> Addr {
        match self.data {
            Some(data) => data.add(at.wrapping_mul(self.pair.size())),
            None => Addr(self.control.0.wrapping_sub(at.wrapping_add(1).wrapping_mul(self.pair.size()))),
        }
    }
}

pub(super) fn map(look: &Look<'_>, value: &Value) -> Answer {
    let mut table = Table::of(look, value)?;
    let head = format!("HashMap(size={})", table.left);
    let children = Children::halves(look, ["__0", "__1"], || table.next());
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Map, children }))
}

/// A set is a table of pairs whose second half is nothing.
pub(super) fn set(look: &Look<'_>, value: &Value) -> Answer {
    let mut table = Table::of(look, value)?;
    let head = format!("HashSet(size={})", table.left);
    let children =
        Children::counted(look.most, || table.next()?.map(|pair| look.member(&pair, "__0")).transpose());
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Array, children }))
}
