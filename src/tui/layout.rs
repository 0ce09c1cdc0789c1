//! Which pane stands where, for every size of the screen. Pure arithmetic, shared by drawing and by the mouse.
//!
//! Sizes come in classes; within a class panes keep their height, so that nothing jumps while one steps.

use ratatui::layout::Rect;

use super::model::Pane;

/// What the arrangement depends on.
#[derive(Copy, Clone, Debug)]
pub struct Wish {
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The pane that was last in focus, other than the command line: shown where only one finds room.
    pub tab: Pane,
    /// The pane that covers all others, if any.
    pub zoom: Option<Pane>,
    /// Whether the command line has the keys.
    pub typing: bool,
}

/// Where everything stands. Rectangles never leave the screen and may be empty.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The status line: state and stop reason.
    pub status: Rect,
    /// Panes, frame included.
    pub panes: Vec<(Pane, Rect)>,
    /// A command line of its own, where the Command pane is not on the screen.
    pub prompt: Option<Rect>,
    /// The last line of the target's output, where its pane is not on the screen.
    pub output: Option<Rect>,
    /// Keys that help here.
    pub hint: Option<Rect>,
    /// Whether to say that a larger screen shows more.
    pub cramped: bool,
}

impl Places {
    /// Where a pane stands, if it is on the screen.
    #[must_use]
    pub fn of(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(which, _)| *which == pane).map(|(_, area)| *area)
    }

    /// The pane under a cell.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<Pane> {
        let hit = |area: &Rect| area.contains((column, row).into());
        self.panes.iter().find(|(_, area)| hit(area)).map(|(pane, _)| *pane)
    }
}

/// Arranges the screen.
#[must_use]
pub fn arrange(wish: Wish) -> Places {
    let (columns, rows) = wish.size;
    let mut rest = Rect::new(0, 0, columns, rows);
    let mut places = Places { status: take_top(&mut rest, 1), ..Places::default() };
    if rows < 4 || columns < 20 {
        places.cramped = true;
        return places;
    }
    let tab = if wish.tab == Pane::Command { Pane::Backtrace } else { wish.tab };
    let wish = Wish { tab, ..wish };
    if let Some(pane) = wish.zoom {
        places.hint = Some(take_bottom(&mut rest, 1));
        if pane != Pane::Command {
            places.prompt = Some(take_bottom(&mut rest, 1));
        }
        places.panes.push((pane, rest));
        return places;
    }
    match (columns, rows) {
        (160.., 45..) => huge(&mut places, rest, wish),
        (100.., 32..) => wide(&mut places, rest, wish),
        (60.., 16..) => compact(&mut places, rest, wish),
        _ => small(&mut places, rest, wish),
    }
    places
}

fn small(places: &mut Places, mut rest: Rect, wish: Wish) {
    places.cramped = true;
    if rest.height >= 6 {
        places.hint = Some(take_bottom(&mut rest, 1));
    }
    if wish.typing {
        places.panes.push((Pane::Command, rest));
    } else {
        places.prompt = Some(take_bottom(&mut rest, 1));
        places.panes.push((wish.tab, rest));
    }
}

fn compact(places: &mut Places, mut rest: Rect, wish: Wish) {
    places.hint = Some(take_bottom(&mut rest, 1));
    let spare = rest.height.saturating_sub(22);
    let command = take_bottom(&mut rest, 6 + spare / 2);
    if rest.height >= 13 && wish.tab != Pane::Heap && wish.tab != Pane::Timeline {
        let timeline = if rest.height >= 16 { Some(take_bottom(&mut rest, 3)) } else { None };
        places.panes.push((Pane::Heap, take_bottom(&mut rest, 5)));
        places.panes.extend(timeline.map(|area| (Pane::Timeline, area)));
    } else if rest.height >= 16 {
        match wish.tab {
            Pane::Heap => places.panes.push((Pane::Timeline, take_bottom(&mut rest, 3))),
            _ => places.panes.push((Pane::Heap, take_bottom(&mut rest, 5))),
        }
    }
    places.panes.push((wish.tab, rest));
    places.panes.push((Pane::Command, command));
}

fn wide(places: &mut Places, mut rest: Rect, wish: Wish) {
    places.hint = Some(take_bottom(&mut rest, 1));
    if wish.tab != Pane::Target {
        places.output = Some(take_bottom(&mut rest, 1));
    }
    let spare = rest.height.saturating_sub(37);
    let command = take_bottom(&mut rest, 7 + spare / 2);
    let timeline = take_bottom(&mut rest, 7);
    let heap = take_bottom(&mut rest, 9);
    if wish.tab == Pane::Target {
        places.panes.push((Pane::Target, rest));
    } else {
        let half = rest.width / 2;
        let left = take_left(&mut rest, half);
        places.panes.push((Pane::Source, left));
        places.panes.push((wish.tab.or_backtrace(), rest));
    }
    places.panes.extend([(Pane::Heap, heap), (Pane::Timeline, timeline), (Pane::Command, command)]);
}

fn huge(places: &mut Places, mut rest: Rect, wish: Wish) {
    places.hint = Some(take_bottom(&mut rest, 1));
    let mut bottom = take_bottom(&mut rest, 16);
    let target = take_right(&mut bottom, 82);
    let timeline = take_bottom(&mut rest, 7);
    let mut middle = take_bottom(&mut rest, 12);
    let third = rest.width / 3;
    let values = take_right(&mut middle, third);
    let left = take_left(&mut rest, third + third / 8);
    let right = take_right(&mut rest, third - third / 8);
    let side = if wish.tab == Pane::Breakpoints { Pane::Breakpoints } else { Pane::Calls };
    places.panes.extend([
        (Pane::Source, left),
        (Pane::Backtrace, rest),
        (side, right),
        (Pane::Heap, middle),
        (Pane::Values, values),
        (Pane::Timeline, timeline),
        (Pane::Command, bottom),
        (Pane::Target, target),
    ]);
}

fn take_top(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    rest.y += rows;
    rest.height -= rows;
    taken
}

fn take_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    rest.height -= rows;
    Rect { y: rest.y + rest.height, height: rows, ..*rest }
}

fn take_left(rest: &mut Rect, columns: u16) -> Rect {
    let columns = columns.min(rest.width);
    let taken = Rect { width: columns, ..*rest };
    rest.x += columns;
    rest.width -= columns;
    taken
}

fn take_right(rest: &mut Rect, columns: u16) -> Rect {
    let columns = columns.min(rest.width);
    rest.width -= columns;
    Rect { x: rest.x + rest.width, width: columns, ..*rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_tile_the_screen_and_never_leave_it() {
        for columns in 1..=220 {
            for rows in 1..=70 {
                for tab in Pane::ALL {
                    let wish = Wish { size: (columns, rows), tab, zoom: None, typing: rows % 2 == 0 };
                    check(&arrange(wish), wish);
                    check(&arrange(Wish { zoom: Some(tab), ..wish }), wish);
                }
            }
        }
    }

    fn check(places: &Places, wish: Wish) {
        let screen = Rect::new(0, 0, wish.size.0, wish.size.1);
        let all = places
            .panes
            .iter()
            .map(|(_, area)| *area)
            .chain([places.status])
            .chain([places.prompt, places.output, places.hint].into_iter().flatten());
        let mut cells = 0;
        for area in all {
            assert_eq!(area.intersection(screen), area, "{wish:?}");
            cells += u32::from(area.width) * u32::from(area.height);
        }
        if !places.panes.is_empty() {
            assert_eq!(cells, u32::from(wish.size.0) * u32::from(wish.size.1), "{wish:?} {places:?}");
        }
        let mut kinds: Vec<Pane> = places.panes.iter().map(|(pane, _)| *pane).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), places.panes.len(), "a pane stands twice: {wish:?} {places:?}");
    }
}
