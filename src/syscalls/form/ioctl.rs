//! ioctl(2): the requests of terminals and descriptors; others by their parts.

use super::Arg::{At, Behind, By, Int, Uint};
use super::calls::rows;
use super::{Call, text};
use crate::syscalls::names::Names;

rows! {
    ioctl: Int, By(request), By(given), Behind, By(filled);
}

/// Requests without parts (`include/uapi/asm-generic/ioctls.h`).
const REQUESTS: &Names = &Names {
    unknown: "",
    list: &[
        (0x5401, "TCGETS"),
        (0x5402, "TCSETS"),
        (0x5403, "TCSETSW"),
        (0x5404, "TCSETSF"),
        (0x5405, "TCGETA"),
        (0x5409, "TCSBRK"),
        (0x540a, "TCXONC"),
        (0x540b, "TCFLSH"),
        (0x540c, "TIOCEXCL"),
        (0x540d, "TIOCNXCL"),
        (0x540e, "TIOCSCTTY"),
        (0x540f, "TIOCGPGRP"),
        (0x5410, "TIOCSPGRP"),
        (0x5411, "TIOCOUTQ"),
        (0x5412, "TIOCSTI"),
        (0x5413, "TIOCGWINSZ"),
        (0x5414, "TIOCSWINSZ"),
        (0x541b, "FIONREAD"),
        (0x5421, "FIONBIO"),
        (0x5422, "TIOCNOTTY"),
        (0x5423, "TIOCSETD"),
        (0x5424, "TIOCGETD"),
        (0x5425, "TCSBRKP"),
        (0x5429, "TIOCGSID"),
        (0x5450, "FIONCLEX"),
        (0x5451, "FIOCLEX"),
        (0x5452, "FIOASYNC"),
        (0x8004_5430, "TIOCGPTN"),
        (0x4004_5431, "TIOCSPTLCK"),
        (0x5441, "TIOCGPTPEER"),
        (0x4004_9409, "BTRFS_IOC_CLONE or FICLONE"),
    ],
};

const TCGETS: u64 = 0x5401;
const TCSETS: std::ops::RangeInclusive<u64> = 0x5402..=0x5404;
const TIOCGPGRP: u64 = 0x540f;
const TIOCSPGRP: u64 = 0x5410;
const TIOCOUTQ: u64 = 0x5411;
const TIOCGWINSZ: u64 = 0x5413;
const TIOCSWINSZ: u64 = 0x5414;
const FIONREAD: u64 = 0x541b;
const FIONBIO: u64 = 0x5421;
const TIOCSETD: u64 = 0x5423;
const TIOCGETD: u64 = 0x5424;
const TIOCGSID: u64 = 0x5429;
const FIONCLEX: u64 = 0x5450;
const FIOCLEX: u64 = 0x5451;
const FIOASYNC: u64 = 0x5452;
const TIOCGPTN: u64 = 0x8004_5430;
const TIOCSPTLCK: u64 = 0x4004_5431;
const TIOCEXCL: u64 = 0x540c;
const TIOCNXCL: u64 = 0x540d;
const TIOCNOTTY: u64 = 0x5422;
const FICLONE: u64 = 0x4004_9409;

fn request(call: &Call<'_>, at: usize) -> String {
    const DIRECTIONS: [&str; 4] = ["_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"];
    let request = call.uint(at);
    if let Some(name) = REQUESTS.name(request) {
        return name.to_owned();
    }
    let direction = DIRECTIONS[(request >> 30 & 3) as usize];
    format!(
        "_IOC({direction}, {}, {}, {})",
        text::hex(request >> 8 & 0xff),
        text::hex(request & 0xff),
        text::hex(request >> 16 & 0x3fff)
    )
}

/// What the program gives.
fn given(call: &Call<'_>, _: usize) -> String {
    match call.uint(1) {
        TIOCEXCL | TIOCNXCL | TIOCNOTTY | FIONCLEX | FIOCLEX => String::new(),
        TCGETS | TIOCGPGRP | TIOCOUTQ | TIOCGWINSZ | FIONREAD | TIOCGETD | TIOCGSID | TIOCGPTN => {
            String::new()
        }
        request if TCSETS.contains(&request) => terminal(call),
        TIOCSPGRP | FIONBIO | TIOCSETD | FIOASYNC | TIOCSPTLCK => call.told(At(&Int), 2),
        TIOCSWINSZ => window(call),
        FICLONE => call.told(Int, 2),
        _ => text::hex(call.arg(2)),
    }
}

/// What the kernel gives.
fn filled(call: &Call<'_>, _: usize) -> String {
    match call.uint(1) {
        TCGETS => terminal(call),
        TIOCGWINSZ => window(call),
        TIOCGPGRP | TIOCOUTQ | FIONREAD | TIOCGETD | TIOCGSID => call.told(At(&Int), 2),
        TIOCGPTN => call.told(At(&Uint), 2),
        _ => String::new(),
    }
}

fn window(call: &Call<'_>) -> String {
    call.object(call.arg(2), 8, |size| {
        format!(
            "{{ws_row={}, ws_col={}, ws_xpixel={}, ws_ypixel={}}}",
            size.u16(0),
            size.u16(2),
            size.u16(4),
            size.u16(6)
        )
    })
}

/// struct termios: the flags that strace tells of without `-v`.
fn terminal(call: &Call<'_>) -> String {
    call.object(call.arg(2), 36, |terminal| {
        let speed = u64::from(terminal.u32(8)) & 0o010_017;
        let control = u64::from(terminal.u32(8)) & !(0o010_017 | 0o60);
        let size = ["CS5", "CS6", "CS7", "CS8"][(terminal.u32(8) >> 4 & 3) as usize];
        let mut more = String::new();
        if control != 0 {
            more = format!("|{}", CONTROL.bits(control));
        }
        format!(
            "{{c_iflag={}, c_oflag={}, c_cflag={}|{size}{more}, c_lflag={}, ...}}",
            INPUT.bits(u64::from(terminal.u32(0))),
            output(u64::from(terminal.u32(4))),
            SPEED.value(speed),
            LOCAL.bits(u64::from(terminal.u32(12))),
        )
    })
}

/// Delays are values of a few bits; none is told by its name, too.
fn output(bits: u64) -> String {
    const DELAYS: [(u64, u64, &str); 6] = [
        (0o400, 8, "NL"),
        (0o3000, 9, "CR"),
        (0o14000, 11, "TAB"),
        (0o20000, 13, "BS"),
        (0o40000, 14, "VT"),
        (0o100000, 15, "FF"),
    ];
    let mut parts: Vec<String> =
        DELAYS.iter().map(|(mask, shift, name)| format!("{name}{}", (bits & mask) >> shift)).collect();
    let rest = DELAYS.iter().fold(bits, |rest, (mask, ..)| rest & !mask);
    if rest != 0 {
        parts.push(OUTPUT.bits(rest));
    }
    parts.join("|")
}

/// Bits of terminals (`include/uapi/asm-generic/termbits.h`).
const INPUT: &Names = &Names {
    unknown: "",
    list: &[
        (1, "IGNBRK"),
        (2, "BRKINT"),
        (4, "IGNPAR"),
        (8, "PARMRK"),
        (0x10, "INPCK"),
        (0x20, "ISTRIP"),
        (0x40, "INLCR"),
        (0x80, "IGNCR"),
        (0x100, "ICRNL"),
        (0x200, "IUCLC"),
        (0x400, "IXON"),
        (0x800, "IXANY"),
        (0x1000, "IXOFF"),
        (0x2000, "IMAXBEL"),
        (0x4000, "IUTF8"),
    ],
};
const OUTPUT: &Names = &Names {
    unknown: "",
    list: &[
        (1, "OPOST"),
        (2, "OLCUC"),
        (4, "ONLCR"),
        (8, "OCRNL"),
        (0x10, "ONOCR"),
        (0x20, "ONLRET"),
        (0x40, "OFILL"),
        (0x80, "OFDEL"),
    ],
};
const CONTROL: &Names = &Names {
    unknown: "",
    list: &[
        (0x40, "CSTOPB"),
        (0x80, "CREAD"),
        (0x100, "PARENB"),
        (0x200, "PARODD"),
        (0x400, "HUPCL"),
        (0x800, "CLOCAL"),
    ],
};
const LOCAL: &Names = &Names {
    unknown: "",
    list: &[
        (1, "ISIG"),
        (2, "ICANON"),
        (8, "ECHO"),
        (0x10, "ECHOE"),
        (0x20, "ECHOK"),
        (0x40, "ECHONL"),
        (0x80, "NOFLSH"),
        (0x100, "TOSTOP"),
        (0x200, "ECHOCTL"),
        (0x400, "ECHOPRT"),
        (0x800, "ECHOKE"),
        (0x1000, "FLUSHO"),
        (0x4000, "PENDIN"),
        (0x8000, "IEXTEN"),
    ],
};
const SPEED: &Names = &Names {
    unknown: "",
    list: &[
        (0, "B0"),
        (7, "B300"),
        (9, "B1200"),
        (11, "B2400"),
        (12, "B4800"),
        (13, "B9600"),
        (14, "B19200"),
        (15, "B38400"),
        (0o10001, "B57600"),
        (0o10002, "B115200"),
        (0o10003, "B230400"),
    ],
};
