//! Clocks, timers and sleeping.

use super::Arg::{At, Bits, By, Int, Later, Long, One, Pointer, Uint};
use super::Outcome::With;
use super::calls::rows;
use super::{Call, signals, text};
use crate::syscalls::names::process::{CLOCK, ITIMER, TIMER};
use crate::syscalls::names::{files::TIMERFD, signals::EVENT_VALUE};

rows! {
    nanosleep: By(timespec), Later, By(remaining);
    clock_nanosleep: One(CLOCK), Bits(TIMER), By(timespec), Later, By(remaining);
    clock_gettime: One(CLOCK), Later, By(timespec);
    clock_getres: One(CLOCK), Later, By(timespec);
    clock_settime: One(CLOCK), By(timespec);
    gettimeofday: Later, By(timeval), By(zone);
    settimeofday: By(timeval), By(zone);
    time: Later, At(&Long) => With(as_date);
    alarm: Uint;
    getitimer: One(ITIMER), Later, By(pair_of_timevals);
    setitimer: One(ITIMER), By(pair_of_timevals), Later, By(pair_of_timevals);
    timer_create: One(CLOCK), By(event), Later, At(&Int);
    timer_settime: Int, Bits(TIMER), By(pair_of_timespecs), Later, By(pair_of_timespecs);
    timer_gettime: Int, Later, By(pair_of_timespecs);
    timer_getoverrun: Int;
    timer_delete: Int;
    timerfd_create: One(CLOCK), Bits(TIMERFD);
    timerfd_settime: Int, Bits(TIMERFD), By(pair_of_timespecs), Later, By(pair_of_timespecs);
    timerfd_gettime: Int, Later, By(pair_of_timespecs);
    utimensat: super::Arg::Directory, super::Arg::Path, By(file_times), Bits(crate::syscalls::names::files::AT);
    futimesat: super::Arg::Directory, super::Arg::Path, By(file_timevals);
    utimes: super::Arg::Path, By(file_timevals);
    utime: super::Arg::Path, By(file_seconds);
    sched_rr_get_interval: Int, Later, By(timespec);
    set_tid_address: Pointer;
}

/// struct timespec at an address.
pub(super) fn timespec(call: &Call<'_>, at: usize) -> String {
    timespec_at(call, call.arg(at))
}

pub(super) fn timespec_at(call: &Call<'_>, address: u64) -> String {
    call.object(address, 16, |time| fraction(time.i64(0), "nsec", time.u64(8)))
}

/// struct timeval at an address.
pub(super) fn timeval_at(call: &Call<'_>, address: u64) -> String {
    call.object(address, 16, |time| fraction(time.i64(0), "usec", time.u64(8)))
}

fn timeval(call: &Call<'_>, at: usize) -> String {
    timeval_at(call, call.arg(at))
}

fn fraction(seconds: i64, unit: &str, rest: u64) -> String {
    format!("{{tv_sec={seconds}, tv_{unit}={rest}}}")
}

/// What is left of a sleep is written only when a signal ends it, and never for a moment that was named.
fn remaining(call: &Call<'_>, at: usize) -> String {
    let to_a_moment = call.nr == 230 && call.arg(1) != 0;
    match call.restarts() && !to_a_moment {
        true => timespec_at(&Call { ret: None, ..*call }, call.arg(at)),
        false => text::pointer(call.arg(at)),
    }
}

fn pair_of_timevals(call: &Call<'_>, at: usize) -> String {
    interval_and_value(call, at, "usec")
}

fn pair_of_timespecs(call: &Call<'_>, at: usize) -> String {
    interval_and_value(call, at, "nsec")
}

fn interval_and_value(call: &Call<'_>, at: usize, unit: &str) -> String {
    call.object(call.arg(at), 32, |timer| {
        let part = |at: usize| fraction(timer.i64(at), unit, timer.u64(at + 8));
        format!("{{it_interval={}, it_value={}}}", part(0), part(16))
    })
}

fn zone(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 8, |zone| {
        format!("{{tz_minuteswest={}, tz_dsttime={}}}", zone.i32(0), zone.i32(4))
    })
}

/// struct sigevent.
fn event(call: &Call<'_>, at: usize) -> String {
    const THREAD_ID: i32 = 4;
    const NONE: i32 = 1;
    call.object(call.arg(at), 64, |event| {
        let (number, pointer) = (event.i32(0), event.u64(0));
        let value = match pointer {
            0 => String::new(),
            _ => format!("sigev_value={{sival_int={number}, sival_ptr={pointer:#x}}}, "),
        };
        let (signal, kind) = (event.i32(8), event.i32(12));
        let signal = if kind == NONE { text::hex(signal as u64) } else { signals::name(signal) };
        let thread = if kind == THREAD_ID {
            format!(", sigev_notify_thread_id={}", event.i32(16))
        } else {
            String::new()
        };
        format!("{{{value}sigev_signo={signal}, sigev_notify={}{thread}}}", EVENT_VALUE.value(kind as u64))
    })
}

fn as_date(call: &Call<'_>) -> String {
    date(call.ret.unwrap_or(0), None)
}

fn file_times(call: &Call<'_>, at: usize) -> String {
    const NOW: u64 = 0x3fff_ffff;
    const OMIT: u64 = 0x3fff_fffe;
    call.object(call.arg(at), 32, |times| {
        let told = |at: usize| match (times.i64(at), times.u64(at + 8)) {
            (_, NOW) => "UTIME_NOW".to_owned(),
            (_, OMIT) => "UTIME_OMIT".to_owned(),
            (seconds, nanos) => {
                format!("{} /* {} */", fraction(seconds, "nsec", nanos), date(seconds, Some((nanos, 9))))
            }
        };
        format!("[{}, {}]", told(0), told(16))
    })
}

fn file_timevals(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 32, |times| {
        let told = |at: usize| {
            let (seconds, micros) = (times.i64(at), times.u64(at + 8));
            format!("{} /* {} */", fraction(seconds, "usec", micros), date(seconds, Some((micros, 6))))
        };
        format!("[{}, {}]", told(0), told(16))
    })
}

fn file_seconds(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 16, |times| {
        let told = |at: usize| format!("{} /* {} */", times.i64(at), date(times.i64(at), None));
        format!("{{actime={}, modtime={}}}", told(0), told(8))
    })
}

/// A moment as ISO 8601 has it, in UTC: the engine does not know the zones of others. `rest` is a part of a second in so
/// many digits.
fn date(seconds: i64, rest: Option<(u64, usize)>) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date: Howard Hinnant's civil_from_days, with years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let rest = match rest {
        Some((part, digits)) if part != 0 => format!(".{part:0digits$}"),
        _ => String::new(),
    };
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{rest}+0000",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_become_dates() {
        assert_eq!(date(0, None), "1970-01-01T00:00:00+0000");
        assert_eq!(date(951_782_400, None), "2000-02-29T00:00:00+0000");
        assert_eq!(date(1_700_000_000, Some((5, 9))), "2023-11-14T22:13:20.000000005+0000");
        assert_eq!(date(-1, None), "1969-12-31T23:59:59+0000");
    }
}
