//! Where many stacks come together: the frame below which most of a site's memory was asked for.
//!
//! That memory was asked for by `CRYPTO_malloc` says little when the whole library asks through it. The stacks of
//! those calls differ near their inner end and agree near their outer one; the innermost frame on which three
//! quarters of the bytes agree is the one that a reader looks for. It works on recorded return addresses and
//! is given their names.

use std::collections::BTreeMap;

use super::owner::Names;
use super::words::place;
use crate::addr::Addr;
use crate::event::{Label, StackFrame};
use crate::heap::story::growth::{GrowthRow, GrowthView};
use crate::heap::story::names;

/// The frames at which stacks come together, by their return addresses.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Joints {
    /// The innermost one below which three quarters of the bytes were asked for.
    pub most: Option<Addr>,
    /// The innermost one below which all were.
    pub all: Option<Addr>,
}

/// The joints of these stacks, each with its bytes, innermost address first; nothing for a single stack, and
/// where they have nothing in common.
#[must_use]
pub fn of_stacks(stacks: &[(&[Addr], u64)]) -> Joints {
    Joints { most: joint(stacks, (3, 4)), all: joint(stacks, (1, 1)) }
}

/// The joints of the stacks behind one line of the growth table.
#[must_use]
pub fn of_row(view: &GrowthView, row: &GrowthRow) -> Joints {
    of_stacks(&stacks(view, |other| other.label == row.label && same(other.site.as_ref(), row.site.as_ref())))
}

/// The joints of everything that malloc took by mmap instead.
#[must_use]
pub fn of_fallbacks(view: &GrowthView) -> Joints {
    of_stacks(&stacks(view, |row| matches!(row.label, Label::Fallback | Label::FallbackNoBrk)))
}

/// Every address that [`below`] may ask a name for.
#[must_use]
pub fn joints(view: &GrowthView) -> Vec<Addr> {
    let rows = view.by_site.iter().map(|row| of_row(view, row));
    rows.chain([of_fallbacks(view)]).flat_map(|joints| [joints.most, joints.all]).flatten().collect()
}

/// `most below sa_doall (sparse_array.c:93), all below ngx_conf_handler (ngx_conf_file.c:463)`; without what would
/// be the site again, start-up code, or has no name. Empty when nothing is left.
#[must_use]
pub fn below(joints: Joints, site: Option<&StackFrame>, names: Names<'_>) -> String {
    let most = joints.most.filter(|_| joints.most != joints.all);
    let told = [("most", most), ("all", joints.all)].into_iter().filter_map(|(word, at)| {
        let frames = names(at?);
        let frame = frames.first()?;
        let function = frame.function.as_deref()?;
        let is_site = site.is_some_and(|site| site.function == frame.function);
        let says_nothing = function == "main" || names::is_startup(function) || names::is_allocator(function);
        (!is_site && !says_nothing).then(|| format!("{word} below {}", place(frame)))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The innermost address that stacks with this share of all bytes have in common.
fn joint(stacks: &[(&[Addr], u64)], (of, share): (u64, u64)) -> Option<Addr> {
    // What a recording claims may be more than there is.
    let weight =
        |stacks: &[(&[Addr], u64)]| stacks.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    let total = weight(stacks);
    let mut together: Vec<(&[Addr], u64)> = stacks.to_vec();
    let mut found = None;
    for depth in 0.. {
        // Stacks that agree so far, told apart by the frame that comes next, outermost first.
        let mut next: BTreeMap<Addr, Vec<(&[Addr], u64)>> = BTreeMap::new();
        for (stack, bytes) in &together {
            if let Some(at) = stack.iter().rev().nth(depth) {
                next.entry(*at).or_default().push((stack, *bytes));
            }
        }
        let Some((at, heaviest)) = next.into_iter().max_by_key(|(_, stacks)| weight(stacks)) else { break };
        // A single stack agrees with itself all the way in.
        if weight(&heaviest).saturating_mul(share) < total.saturating_mul(of) || heaviest.len() < 2 {
            break;
        }
        found = Some(at);
        together = heaviest;
    }
    found
}

fn stacks(view: &GrowthView, wanted: impl Fn(&GrowthRow) -> bool) -> Vec<(&[Addr], u64)> {
    let rows = view.by_stack.iter().filter(|row| !row.stack.is_empty() && wanted(row));
    rows.map(|row| (row.stack.as_slice(), row.bytes)).collect()
}

/// Whether two sites are one line of the table.
fn same(a: Option<&StackFrame>, b: Option<&StackFrame>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let named = a.function.is_some() || a.address == b.address;
            named && (&a.function, &a.file, a.line) == (&b.function, &b.file, b.line)
        }
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(stack: &[u64]) -> Vec<Addr> {
        stack.iter().map(|at| Addr(*at)).collect()
    }

    #[test]
    fn stacks_come_together_where_most_agree() {
        let stacks = [[1, 5, 7, 9], [2, 5, 7, 9], [3, 6, 7, 9]].map(|stack| addresses(&stack));
        let with = |bytes: [u64; 3]| {
            let all: Vec<(&[Addr], u64)> = stacks.iter().map(Vec::as_slice).zip(bytes).collect();
            of_stacks(&all)
        };
        let joints = |most, all| Joints { most: Some(Addr(most)), all: Some(Addr(all)) };
        assert_eq!(with([100, 100, 100]), joints(7, 7));
        assert_eq!(with([100, 100, 1]), joints(5, 7));
        let stranger = addresses(&[4, 8]);
        assert_eq!(of_stacks(&[(&stacks[0], 50), (&stranger, 50)]), Joints::default());
        assert_eq!(of_stacks(&[(&stacks[0], 50)]), Joints::default());
        assert_eq!(of_stacks(&[(&stacks[0], 50), (&[], 0)]), Joints::default());
    }

    #[test]
    fn what_says_nothing_is_not_said() {
        let frame = |name: &str| StackFrame { function: Some(name.to_owned()), ..StackFrame::default() };
        let joints = Joints { most: Some(Addr(7)), all: Some(Addr(9)) };
        let named = |most: &'static str, all: &'static str| {
            below(joints, Some(&frame("site")), &move |at| {
                vec![frame(if at == Addr(7) { most } else { all })]
            })
        };
        assert_eq!(named("load_bundle", "configure"), "most below load_bundle, all below configure");
        assert_eq!(named("load_bundle", "main"), "most below load_bundle");
        assert_eq!(named("site", "_start"), "");
        assert_eq!(
            below(Joints { most: Some(Addr(7)), all: Some(Addr(7)) }, None, &|_| vec![frame("f")]),
            "all below f"
        );
        assert_eq!(below(joints, None, &|_| Vec::new()), "");
    }
}
