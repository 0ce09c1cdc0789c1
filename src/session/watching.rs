//! Watchpoints: an expression, the memory that it is read from, and what it was when somebody looked last.
//!
//! The processor tells that memory was touched; whether that is a hit is decided by the value: a write that changes
//! nothing is none. An expression over a frame's variables lives as long as the frame. All are watched by the four debug
//! registers of each thread ([`super::slots`]); what does not fit is refused, with the names of those who have them.

use std::time::Instant;

use super::breakpoint::BreakpointSpec;
use super::hits::{Arrival, Crossing};
use super::run::Stop;
use super::slots::Access;
use super::space::Owner;
use super::trigger::{Watch, WatchKind};
use super::{Selection, Session, SessionError};
use crate::addr::{Addr, Pid, Span, Tid};
use crate::event::{EventKind, StopReason};
use crate::memory::Memory;
use crate::scene::expr::{Context, Expr, evaluate, places};
use crate::scene::{Frame, PrintOptions, Printer, Scene, Value};

/// Frames of a stack that are looked through for the one that a watchpoint belongs to.
const DEPTH: usize = 4096;

/// What a watchpoint knows of the targets.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    subject: Subject,
    /// What each process had when somebody looked last.
    pub(super) seen: Vec<Seen>,
}

/// What an expression is looked up in.
#[derive(Clone, Debug, Default)]
enum Subject {
    /// Any process: it names nothing of a frame.
    #[default]
    Global,
    /// One frame's variables.
    Frame(Home),
    /// Nothing any more: one place was settled when it was set (`-location`).
    Fixed(Value),
}

/// The frame of a watchpoint.
#[derive(Copy, Clone, Debug)]
struct Home {
    pid: Pid,
    tid: Tid,
    cfa: Addr,
    /// Where it returns to.
    back: Option<Addr>,
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) pid: Pid,
    pub(super) spans: Vec<Span>,
    value: Option<Value>,
    /// Where it is, when that cannot change: nothing has to be read to find it, and no frame either.
    place: Option<Value>,
}

/// A watchpoint that was hit, with its values.
#[derive(Clone, Debug)]
pub struct WatchHit {
    /// Its number.
    pub number: u32,
    /// The value before, when it changed.
    pub old: Option<Option<Value>>,
    /// The value now; `None` when it cannot be read.
    pub new: Option<Value>,
}

/// A look at an expression.
struct Glance {
    /// Where its value is, not read yet.
    lazy: Option<Value>,
    value: Option<Value>,
    spans: Vec<Span>,
}

impl Glance {
    fn of(lazy: Option<Value>, spans: Vec<Span>, memory: &dyn Memory) -> Glance {
        let value = lazy.as_ref().and_then(|value| value.load(memory).ok());
        Glance { lazy, value, spans }
    }

    /// What is remembered of it.
    fn seen(self, pid: Pid, subject: &Subject) -> Seen {
        let settled = |value: &Value| {
            let here = value.address().map(|at| Span::sized(at, value.ty().size()));
            !matches!(subject, Subject::Frame(_)) && here.is_some_and(|here| self.spans == [here])
        };
        Seen { pid, place: self.lazy.filter(settled), spans: self.spans, value: self.value }
    }
}

impl Session {
    /// Sets a watchpoint on an expression of the selected frame. `condition` and `thread` are those of breakpoints.
    ///
    /// # Errors
    /// gdb's words for an expression without a value; a sentence when it is not in memory, or when the debug registers
    /// are taken.
    pub fn add_watchpoint(&mut self, spec: BreakpointSpec) -> Result<u32, SessionError> {
        let watch = spec.stages.iter().find_map(|stage| stage.trigger.data()).cloned();
        let Some(watch) = watch else { return self.add_breakpoint(spec) };
        let (subject, glance) = self.look_first(&watch)?;
        let number = self.last_breakpoint + 1;
        let pid = self.selection.map(|selection| selection.pid);
        if let Some(pid) = pid {
            self.must_fit(pid, &glance.spans, &watch.text, number)?;
        }
        self.add_breakpoint(spec)?;
        let seen = pid.map(|pid| glance.seen(pid, &subject));
        if let Some(breakpoint) = self.breakpoint_mut(number) {
            breakpoint.watched = Watched { subject, seen: seen.into_iter().collect() };
        }
        self.sync_sites();
        Ok(number)
    }

    /// The first look: it also finds what is wrong with the expression.
    fn look_first(&mut self, watch: &Watch) -> Result<(Subject, Glance), SessionError> {
        let selection = self.selection;
        let snapshot = self.specials();
        // Also out of main: its variables live in a frame, too.
        let past_main = self.caches.past_main.replace(true);
        let found = self.with_scene(|scene, vars| {
            let level = selection.map_or(0, |selection| selection.level as usize);
            let frames = selection.map(|selection| scene.frames(selection.tid, level + 64));
            let frames = frames.map(|frames| frames.frames).unwrap_or_default();
            let specials = |name: &str| snapshot.get(name);
            let mut context = Context { scene, frame: frames.get(level), specials: &specials, vars };
            let parts = places(&watch.expr, &mut context)?;
            if parts.in_register {
                return Err(SessionError::InRegister(watch.text.clone()));
            }
            let value = evaluate(&watch.expr, &mut context);
            if parts.spans.is_empty() {
                value?;
                return Err(SessionError::Constant(watch.text.clone()));
            }
            let subject = match (&value, selection) {
                (Ok(value), Some(_)) if watch.location => {
                    let at = value.address().ok_or_else(|| SessionError::Constant(watch.text.clone()))?;
                    Subject::Fixed(Value::at(value.ty().clone(), at))
                }
                (_, Some(selection)) if parts.local => home(scene, &frames[level..], selection),
                _ => Subject::Global,
            };
            Ok((subject, Glance::of(value.ok(), parts.spans, scene.memory())))
        });
        self.caches.past_main.set(past_main);
        let (subject, mut glance) = found?;
        if let Subject::Fixed(value) = &subject {
            glance.spans = value.address().map(|at| Span::sized(at, value.ty().size())).into_iter().collect();
        }
        Ok((subject, glance))
    }

    /// A thread touched what its debug registers watch.
    pub(super) fn touched(&mut self, tid: Tid, met: u64, stepped: bool) -> Option<Stop> {
        let pid = self.pid_of(tid);
        let mut reason = None;
        let since = Instant::now();
        self.watch_hits.clear();
        for (access, owner) in self.tracer.owners_of(tid, met) {
            let Owner::User { number, stage, location } = owner else { continue };
            let why = if access == Access::Execute {
                self.hit(number, Arrival { pid, tid, stage, location }, since)
            } else {
                self.look_again(number, tid)
            };
            reason = reason.or(why);
        }
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            thread.passed = thread.regs.map(|regs| Addr(regs.rip()));
        }
        match reason {
            Some(reason) => Some(self.stop(tid, reason)),
            None if stepped => self.stepped(tid),
            None => self.on_with(tid),
        }
    }

    /// A crossing whose only news can be a stop.
    fn hit(&mut self, number: u32, arrival: Arrival, since: Instant) -> Option<StopReason> {
        match self.cross(number, arrival, since) {
            Crossing::Stop(reason) => Some(reason),
            Crossing::Go => None,
            Crossing::Rearmed => {
                self.sync_sites();
                None
            }
            Crossing::Complain { number, error } => {
                self.record(arrival.pid, arrival.tid, EventKind::ConditionError { number, error });
                None
            }
        }
    }

    /// Whether a touch is a hit, by the value.
    fn look_again(&mut self, number: u32, tid: Tid) -> Option<StopReason> {
        let pid = self.pid_of(tid);
        let breakpoint = self.breakpoints.iter().find(|b| b.number == number)?;
        let watch = breakpoint.stages.iter().find_map(|stage| stage.trigger.data())?.clone();
        let subject = breakpoint.watched.subject.clone();
        let seen = breakpoint.watched.seen.iter().find(|seen| seen.pid == pid)?;
        let now = match seen.place.clone() {
            Some(place) => {
                let space = self.tracer.table.space_of(tid)?;
                Some(Glance::of(Some(place), seen.spans.clone(), &space.clean()))
            }
            None => self.glance(&watch.expr, &subject, pid, tid),
        };
        let Some(now) = now else { return Some(self.left_scope(number)) };
        let seen = self.breakpoint_mut(number)?.watched.seen.iter_mut().find(|seen| seen.pid == pid)?;
        let moved = seen.spans != now.spans;
        seen.spans = now.spans;
        let before = std::mem::replace(&mut seen.value, now.value.clone());
        if moved {
            self.sync_slots();
        }
        let changed = !same(before.as_ref(), now.value.as_ref());
        let counts = match watch.kind {
            WatchKind::Write => changed,
            // The processor tells writes as well; one that changed the value was no read.
            WatchKind::Read => !changed,
            WatchKind::Access => true,
        };
        if !counts {
            return None;
        }
        let why = self.hit(number, Arrival { pid, tid, stage: 0, location: 0 }, Instant::now())?;
        let StopReason::Breakpoint { temporary, .. } = why else { return Some(why) };
        let old = changed.then(|| self.value_text(before.as_ref()));
        let new = self.value_text(now.value.as_ref());
        self.watch_hits.push(WatchHit { number, old: changed.then_some(before), new: now.value });
        Some(StopReason::Watchpoint { number, expression: watch.text, old, new, temporary })
    }

    fn value_text(&mut self, value: Option<&Value>) -> String {
        let Some(value) = value else { return "<unreadable>".to_owned() };
        let options = PrintOptions::default();
        self.with_scene(|scene, _| {
            Printer { memory: scene.memory(), names: scene, options: &options }.value_or_error(value)
        })
    }

    /// What an expression is now; `None` when its frame is gone.
    fn glance(&mut self, expr: &Expr, subject: &Subject, pid: Pid, tid: Tid) -> Option<Glance> {
        let snapshot = self.specials();
        let home = match subject {
            Subject::Frame(home) => Some(*home),
            Subject::Global | Subject::Fixed(_) => None,
        };
        let tid = home.map_or(tid, |home| home.tid);
        self.with_scene_of(pid, tid, |scene, vars| {
            if let Subject::Fixed(value) = subject {
                let spans = value.address().map(|at| Span::sized(at, value.ty().size()));
                return Some(Glance::of(Some(value.clone()), spans.into_iter().collect(), scene.memory()));
            }
            let frames = scene.frames(tid, if home.is_some() { DEPTH } else { 1 });
            let fits = |frame: &&Frame| home.is_none_or(|home| scene.cfa(&frame.physical) == Some(home.cfa));
            let frame = frames.frames.iter().find(fits);
            if home.is_some() && frame.is_none() {
                return None;
            }
            let specials = |name: &str| snapshot.get(name);
            let mut context = Context { scene, frame, specials: &specials, vars };
            let spans = places(expr, &mut context).map(|places| places.spans).unwrap_or_default();
            Some(Glance::of(evaluate(expr, &mut context).ok(), spans, scene.memory()))
        })
        .flatten()
    }

    fn with_scene_of<R>(
        &mut self,
        pid: Pid,
        tid: Tid,
        work: impl FnOnce(&Scene<'_>, &mut crate::scene::expr::Vars) -> R,
    ) -> Option<R> {
        self.refresh(pid);
        let regs = self.tracer.regs(tid)?;
        let space = self.tracer.table.space_of(tid)?;
        let memory = space.clean();
        let live = super::live::Live::new(pid, &memory, &space.auxv, super::live::Threads::One(tid, &regs));
        let scene =
            Scene { source: &live, modules: &space.modules, unwinder: &space.unwinder, caches: &self.caches };
        Some(work(&scene, &mut self.vars))
    }

    /// Where the frames of watchpoints return to, by process.
    pub(super) fn scope_ends(&self) -> Vec<(Pid, (Addr, Owner))> {
        let homes = self.breakpoints.iter().filter_map(|b| Some((b.number, b.watched.home()?)));
        homes.filter_map(|(number, home)| Some((home.pid, (home.back?, Owner::Scope(number))))).collect()
    }

    /// A thread is where the frame of a watchpoint returns to; the stop, when it is that frame that returned.
    pub(super) fn scope_ended(&mut self, number: u32, tid: Tid) -> Option<StopReason> {
        let rsp = self.tracer.regs(tid)?.rsp();
        let home = self.breakpoints.iter().find(|b| b.number == number)?.watched.home()?;
        (home.tid == tid && rsp >= home.cfa.0).then(|| self.left_scope(number))
    }

    fn left_scope(&mut self, number: u32) -> StopReason {
        self.breakpoints.retain(|breakpoint| breakpoint.number != number);
        self.sync_sites();
        StopReason::WatchpointScope { number }
    }

    /// A process begins, or has a new program: global expressions are looked up in it.
    pub(super) fn watch_anew(&mut self, pid: Pid) {
        let watches: Vec<(u32, Expr, Subject)> = self
            .breakpoints
            .iter()
            .filter_map(|b| {
                let watch = b.stages.iter().find_map(|stage| stage.trigger.data())?;
                Some((b.number, watch.expr.clone(), b.watched.subject.clone()))
            })
            .collect();
        if watches.is_empty() {
            return;
        }
        self.watch_no_more(pid);
        for (number, expr, subject) in watches {
            let now = self.glance(&expr, &subject, pid, Tid(pid.0));
            if let (Some(breakpoint), Some(now)) = (self.breakpoint_mut(number), now) {
                breakpoint.watched.seen.push(now.seen(pid, &subject));
            }
        }
        self.sync_slots();
    }

    /// A child that is kept is watched as its parent is.
    pub(super) fn watch_child(&mut self, parent: Pid, child: Pid) {
        for breakpoint in &mut self.breakpoints {
            let seen = breakpoint.watched.seen.iter().find(|seen| seen.pid == parent).cloned();
            breakpoint.watched.seen.extend(seen.map(|seen| Seen { pid: child, ..seen }));
        }
    }

    /// A process is gone, and with it the frames in it.
    pub(super) fn watch_no_more(&mut self, pid: Pid) {
        self.breakpoints.retain(|b| b.watched.home().is_none_or(|home| home.pid != pid));
        self.breakpoints.iter_mut().for_each(|b| b.watched.seen.retain(|seen| seen.pid != pid));
    }

    /// The watchpoints that were hit together at the last stop at one.
    #[must_use]
    pub fn watch_hits(&self) -> &[WatchHit] {
        &self.watch_hits
    }
}

impl Watched {
    fn home(&self) -> Option<Home> {
        match &self.subject {
            Subject::Frame(home) => Some(*home),
            Subject::Global | Subject::Fixed(_) => None,
        }
    }
}

/// The frame that an expression belongs to, the first of these.
fn home(scene: &Scene<'_>, frames: &[Frame], selection: Selection) -> Subject {
    let Some(frame) = frames.first() else { return Subject::Global };
    let Some(cfa) = scene.cfa(&frame.physical) else { return Subject::Global };
    let outer = frames
        .iter()
        .find(|other| !other.physical.tail_call && !std::rc::Rc::ptr_eq(&other.physical, &frame.physical));
    Subject::Frame(Home { pid: selection.pid, tid: selection.tid, cfa, back: outer.map(Frame::pc) })
}

fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.ty().size() == b.ty().size() && a.bytes(&Nothing).ok() == b.bytes(&Nothing).ok()
        }
        (None, None) => true,
        _ => false,
    }
}

/// Values that were looked at are loaded: they need no memory any more.
struct Nothing;

impl Memory for Nothing {
    fn read(&self, _: Addr, _: &mut [u8]) -> usize {
        0
    }
}
