//! Shared memory, semaphores and messages of System V and of POSIX.

use super::Arg::{
    At, Behind, Bits, By, Filled, Given, Hex, Int, Later, Long, One, Path, Pointer, Uint, Ulong,
};
use super::calls::rows;
use super::time::timespec;
use super::{Bytes, Call, Outcome, files, text};
use crate::syscalls::names::Names;
use crate::syscalls::names::process::IPC_PRIVATE;

rows! {
    shmget: One(IPC_PRIVATE), Ulong, By(segment_flags);
    shmat: Int, Pointer, Bits(ATTACH), Behind => Outcome::Hex;
    shmdt: Pointer;
    shmctl: Int, One(SHARED_CONTROL), Later, By(segment);
    semget: One(IPC_PRIVATE), Int, By(flags_and_mode);
    semop: Int, By(operations), Uint;
    semtimedop: Int, By(operations), Uint, By(timespec);
    semctl: Int, Int, One(SEMAPHORE_CONTROL), Pointer;
    msgget: One(IPC_PRIVATE), By(flags_and_mode);
    msgsnd: Int, By(message), Ulong, Bits(MESSAGE);
    msgrcv: Int, Later, By(message), Ulong, Long, Bits(MESSAGE);
    msgctl: Int, One(MESSAGE_CONTROL), Pointer;
    mq_open: Path, By(files::open_flags), By(files::open_mode), By(queue);
    mq_timedsend: Int, Given(2), Ulong, Uint, By(timespec);
    mq_timedreceive: Int, Later, Filled, Ulong, At(&Uint), By(patience);
    pkey_alloc: Hex, Bits(PKEY);
}

/// Bits of resources (`include/uapi/linux/ipc.h`, `shm.h`, `sem.h`, `msg.h`).
const RESOURCE: &Names = &Names { unknown: "", list: &[(0o1000, "IPC_CREAT"), (0o2000, "IPC_EXCL")] };
const SEGMENT: &Names = &Names {
    unknown: "",
    list: &[(0o1000, "IPC_CREAT"), (0o2000, "IPC_EXCL"), (0o4000, "SHM_HUGETLB"), (0o10000, "SHM_NORESERVE")],
};
const ATTACH: &Names = &Names {
    unknown: "SHM_???",
    list: &[(0o10000, "SHM_RDONLY"), (0o20000, "SHM_RND"), (0o40000, "SHM_REMAP"), (0o100000, "SHM_EXEC")],
};
const OPERATION: &Names =
    &Names { unknown: "SEM_???", list: &[(0o4000, "IPC_NOWAIT"), (0x1000, "SEM_UNDO")] };
const MESSAGE: &Names = &Names {
    unknown: "MSG_???",
    list: &[(0o10000, "MSG_NOERROR"), (0o20000, "MSG_EXCEPT"), (0o40000, "MSG_COPY"), (0o4000, "IPC_NOWAIT")],
};
const SHARED_CONTROL: &Names = &Names {
    unknown: "SHM_???",
    list: &[
        (0, "IPC_RMID"),
        (1, "IPC_SET"),
        (2, "IPC_STAT"),
        (3, "IPC_INFO"),
        (11, "SHM_LOCK"),
        (12, "SHM_UNLOCK"),
        (13, "SHM_STAT"),
        (14, "SHM_INFO"),
        (15, "SHM_STAT_ANY"),
    ],
};
const SEMAPHORE_CONTROL: &Names = &Names {
    unknown: "SEM_???",
    list: &[
        (0, "IPC_RMID"),
        (1, "IPC_SET"),
        (2, "IPC_STAT"),
        (3, "IPC_INFO"),
        (11, "GETPID"),
        (12, "GETVAL"),
        (13, "GETALL"),
        (14, "GETNCNT"),
        (15, "GETZCNT"),
        (16, "SETVAL"),
        (17, "SETALL"),
        (18, "SEM_STAT"),
        (19, "SEM_INFO"),
        (20, "SEM_STAT_ANY"),
    ],
};
const MESSAGE_CONTROL: &Names = &Names {
    unknown: "MSG_???",
    list: &[
        (0, "IPC_RMID"),
        (1, "IPC_SET"),
        (2, "IPC_STAT"),
        (3, "IPC_INFO"),
        (11, "MSG_STAT"),
        (12, "MSG_INFO"),
        (13, "MSG_STAT_ANY"),
    ],
};
const PKEY: &Names =
    &Names { unknown: "PKEY_???", list: &[(1, "PKEY_DISABLE_ACCESS"), (2, "PKEY_DISABLE_WRITE")] };

/// Flags, and the rights in the lowest nine bits.
fn with_mode(value: u64, names: &Names) -> String {
    let mode = text::mode(value & 0o777);
    match value & !0o777 {
        0 => mode,
        flags => format!("{}|{mode}", names.bits(flags)),
    }
}

fn flags_and_mode(call: &Call<'_>, at: usize) -> String {
    with_mode(call.uint(at), RESOURCE)
}

/// Of shared memory, whose pages may be huge.
fn segment_flags(call: &Call<'_>, at: usize) -> String {
    const SHIFT: u64 = 26;
    let value = call.uint(at);
    let (huge, rest) = (value >> SHIFT, value & ((1 << SHIFT) - 1));
    match (rest & !0o777, huge) {
        (0, 0) => text::mode(rest & 0o777),
        (_, 0) => with_mode(rest, SEGMENT),
        (0, huge) => format!("{huge}<<SHM_HUGE_SHIFT|{}", text::mode(rest & 0o777)),
        (flags, huge) => {
            format!("{}|{huge}<<SHM_HUGE_SHIFT|{}", SEGMENT.bits(flags), text::mode(rest & 0o777))
        }
    }
}

/// struct shmid64_ds, where it is asked for or set.
fn segment(call: &Call<'_>, at: usize) -> String {
    const SET: u64 = 1;
    const STAT: u64 = 2;
    match call.uint(1) {
        SET => call.object(call.arg(at), 112, |segment| {
            let (uid, gid, mode) = (segment.u32(4), segment.u32(8), u64::from(segment.u32(20)));
            format!("{{shm_perm={{uid={uid}, gid={gid}, mode={}}}, ...}}", text::mode(mode))
        }),
        STAT => call.object(call.arg(at), 112, told_segment),
        _ => text::pointer(call.arg(at)),
    }
}

fn told_segment(segment: &Bytes) -> String {
    let owners = format!(
        "uid={}, gid={}, mode={}, key={}, cuid={}, cgid={}",
        segment.u32(4),
        segment.u32(8),
        text::mode(u64::from(segment.u32(20))),
        segment.u32(0),
        segment.u32(12),
        segment.u32(16),
    );
    format!(
        "{{shm_perm={{{owners}}}, shm_segsz={}, shm_cpid={}, shm_lpid={}, shm_nattch={}, shm_atime={}, shm_dtime={}, \
         shm_ctime={}}}",
        segment.u64(48),
        segment.i32(80),
        segment.i32(84),
        segment.u64(88),
        segment.u64(56),
        segment.u64(64),
        segment.u64(72),
    )
}

/// struct sembuf.
fn operations(call: &Call<'_>, at: usize) -> String {
    call.array(call.arg(at), call.uint(at + 1), 6, |operation| {
        format!(
            "{{sem_num={}, sem_op={}, sem_flg={}}}",
            operation.u16(0),
            operation.u16(2) as i16,
            OPERATION.bits(u64::from(operation.u16(4))),
        )
    })
}

/// struct msgbuf; the argument behind it is how long its text is.
fn message(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 8, |message| {
        let told = text::bytes(call.memory, call.arg(at).wrapping_add(8), call.arg(at + 1));
        format!("{{mtype={}, mtext={told}}}", message.i64(0))
    })
}

/// struct mq_attr, where a queue may be made.
fn queue(call: &Call<'_>, at: usize) -> String {
    const O_CREAT: u64 = 0x40;
    if call.uint(1) & O_CREAT == 0 {
        return String::new();
    }
    call.object(call.arg(at), 32, |queue| {
        format!(
            "{{mq_flags={}, mq_maxmsg={}, mq_msgsize={}, mq_curmsgs={}}}",
            text::hex(queue.u64(0)),
            queue.i64(8),
            queue.i64(16),
            queue.i64(24),
        )
    })
}

/// How long; the kernel leaves it as it is.
fn patience(call: &Call<'_>, at: usize) -> String {
    timespec(&Call { ret: None, ..*call }, at)
}
