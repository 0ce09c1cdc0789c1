//! The cgroups whose memory limits bind a process, from its own up to the highest that can be seen (cgroups(7)).
//!
//! `/proc/PID/cgroup` says which group it is in, `/proc/PID/mountinfo` where its hierarchy is mounted; both are texts that
//! this reads for what they say: version 1 beside version 2 (hybrid hosts), a mount that shows only a part of the
//! hierarchy (containers), a group outside of what can be seen (another namespace). Where there is nothing to read it
//! says why, in a sentence: a host without cgroups is not an error.

use std::fs;
use std::path::{Path, PathBuf};

use crate::addr::Pid;

/// One group, with what it allows and what its processes use together, in bytes. `None` is no limit, or not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its path in the hierarchy, as `/proc/PID/cgroup` gives paths.
    pub path: String,
    /// Where its files are.
    pub dir: PathBuf,
    /// 1 or 2.
    pub version: u8,
    /// What kills or stalls (`memory.max`; version 1: `memory.limit_in_bytes`).
    pub limit: Option<u64>,
    /// What slows down (`memory.high`).
    pub high: Option<u64>,
    /// What is used by all in it (`memory.current`, `memory.usage_in_bytes`), page cache included.
    pub current: Option<u64>,
    /// The part of it that is file pages not used lately: given up before anybody is killed (`memory.stat`).
    pub reclaimable: Option<u64>,
    /// What may be swapped out (`memory.swap.max`; version 1 limits memory and swap together: `memory.memsw`).
    pub swap_limit: Option<u64>,
    /// How often the limit was hit (`memory.events` max, `memory.failcnt`).
    pub limited: Option<u64>,
    /// How often it was slowed down (`memory.events` high).
    pub slowed: Option<u64>,
    /// How many processes the OOM killer ended in it (`memory.events` or `memory.oom_control`, `oom_kill`).
    pub killed: Option<u64>,
}

/// Which groups a process is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Membership {
    /// Of the hierarchy of version 1 that has the memory controller.
    v1: Option<String>,
    /// Of the hierarchy of version 2.
    v2: Option<String>,
}

/// A mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    version: u8,
    /// The group that is seen at the mount point.
    root: String,
    point: PathBuf,
}

/// The groups of a process, its own first; else why there are none to be told.
///
/// # Errors
/// A sentence for people.
pub fn groups(pid: Pid) -> Result<Vec<Group>, String> {
    let text = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    let Ok(cgroup) = text("cgroup") else {
        return Err(
            "Its cgroup is not known: /proc/PID/cgroup cannot be read (a kernel without cgroups?).".into()
        );
    };
    // The hierarchy as it is mounted for us, or else for the process.
    let ours = groups_of(&cgroup, &fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(), &reader);
    ours.or_else(|why| {
        let below = PathBuf::from(format!("/proc/{pid}/root"));
        let theirs =
            |path: &Path| path.strip_prefix("/").map_or_else(|_| below.clone(), |path| below.join(path));
        let found = groups_of(&cgroup, &text("mountinfo").unwrap_or_default(), &|path| reader(&theirs(path)));
        let moved = |group: Group| Group { dir: theirs(&group.dir), ..group };
        found.map(|groups| groups.into_iter().map(moved).collect()).map_err(|_| why)
    })
}

/// The same groups once more, as they are now: for a process that is gone, and was in them.
#[must_use]
pub fn again(groups: &[Group]) -> Vec<Group> {
    groups
        .iter()
        .filter_map(|group| read_group(group.path.clone(), group.dir.clone(), group.version, &reader))
        .collect()
}

fn reader(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The groups of a process from the texts of `cgroup` and `mountinfo`, and a reader of files.
///
/// # Errors
/// A sentence for people.
pub fn groups_of(
    cgroup: &str,
    mountinfo: &str,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Result<Vec<Group>, String> {
    let (member, mounts) = (membership(cgroup), mounts(mountinfo));
    let of = |version| match version {
        1 => member.v1.as_deref(),
        _ => member.v2.as_deref(),
    };
    // On a hybrid host the memory controller is in one of the two hierarchies: a group without its files is not told.
    let mut hidden = false;
    for version in [1, 2] {
        let Some(path) = of(version) else { continue };
        for mount in mounts.iter().filter(|mount| mount.version == version) {
            let Some(inside) = below(path, &mount.root) else {
                hidden = true;
                continue;
            };
            let groups = upwards(path, inside, mount, read);
            if !groups.is_empty() {
                return Ok(groups);
            }
        }
    }
    Err(match () {
        () if hidden => {
            "Its cgroup lies outside of what is mounted here (another cgroup namespace): its limits are not \
                         known."
        }
        () if mounts.is_empty() => {
            "No cgroup hierarchy is mounted here: if there are limits, they are not known."
        }
        () => "Its cgroup has no memory controller: no limit of a cgroup is set on it, or it is the root's.",
    }
    .to_owned())
}

/// `4:memory:/a/b` for version 1, `0::/a/b` for version 2. A path may hold colons.
fn membership(text: &str) -> Membership {
    let mut member = Membership::default();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // The group of a process that outlived it.
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        if !path.starts_with('/') {
            continue;
        }
        if number == "0" && controllers.is_empty() {
            member.v2.get_or_insert_with(|| path.to_owned());
        } else if controllers.split(',').any(|name| name == "memory") {
            member.v1.get_or_insert_with(|| path.to_owned());
        }
    }
    member
}

/// The hierarchies of `mountinfo` (proc(5)): `36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory`.
fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (before, behind) = line.split_once(" - ")?;
        let mut behind = behind.split(' ');
        let version = match behind.next()? {
            "cgroup2" => 2,
            "cgroup" if behind.nth(1)?.split(',').any(|option| option == "memory") => 1,
            _ => return None,
        };
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (unescaped(fields.next()?), unescaped(fields.next()?));
        Some(Mount { version, root, point: PathBuf::from(point) })
    };
    text.lines().filter_map(mount).collect()
}

/// Blanks and backslashes are written in octal there: `\040`.
fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The part of a group's path below the group that a mount shows; `None` when the mount does not show it.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let goes_up = |path: &str| path.split('/').any(|part| part == "..");
    if goes_up(path) || goes_up(root) {
        return None;
    }
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
}

/// A group and those above it, up to the mount point, as far as they have files of the memory controller.
fn upwards(path: &str, inside: &str, mount: &Mount, read: &dyn Fn(&Path) -> Option<String>) -> Vec<Group> {
    let mut groups = Vec::new();
    let (mut inside, mut path) = (Path::new(inside), Path::new(path));
    loop {
        let dir = mount.point.join(inside);
        groups.extend(read_group(path.to_string_lossy().into_owned(), dir, mount.version, read));
        let Some(above) = inside.parent() else { return groups };
        (inside, path) = (above, path.parent().unwrap_or(Path::new("/")));
    }
}

fn read_group(
    path: String,
    dir: PathBuf,
    version: u8,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Option<Group> {
    let file = |name: &str| read(&dir.join(name));
    let group = if version == 2 { group2(&file) } else { group1(&file) }?;
    Some(Group { path, dir, version, ..group })
}

fn group2(file: &dyn Fn(&str) -> Option<String>) -> Option<Group> {
    // The root has neither of these files, and no limit.
    let (current, limit) = (file("memory.current"), file("memory.max"));
    if current.is_none() && limit.is_none() {
        return None;
    }
    let bytes = |name: &str| file(name)?.trim().parse().ok();
    let events = file("memory.events").unwrap_or_default();
    Some(Group {
        limit: limit.and_then(|text| text.trim().parse().ok()),
        high: bytes("memory.high"),
        current: current.and_then(|text| text.trim().parse().ok()),
        reclaimable: keyed(&file("memory.stat").unwrap_or_default(), "inactive_file"),
        swap_limit: bytes("memory.swap.max"),
        limited: keyed(&events, "max"),
        slowed: keyed(&events, "high"),
        killed: keyed(&events, "oom_kill"),
        ..Group::default()
    })
}

fn group1(file: &dyn Fn(&str) -> Option<String>) -> Option<Group> {
    // No limit is the largest number of pages that the kernel can count (PAGE_COUNTER_MAX).
    const NONE: u64 = 0x7fff_ffff_ffff_0000;
    let bytes = |name: &str| file(name)?.trim().parse::<u64>().ok();
    let limit = |name: &str| bytes(name).filter(|limit| *limit < NONE);
    let current = bytes("memory.usage_in_bytes")?;
    let control = file("memory.oom_control").unwrap_or_default();
    Some(Group {
        limit: limit("memory.limit_in_bytes"),
        current: Some(current),
        reclaimable: keyed(&file("memory.stat").unwrap_or_default(), "total_inactive_file"),
        swap_limit: limit("memory.memsw.limit_in_bytes"),
        limited: bytes("memory.failcnt"),
        killed: keyed(&control, "oom_kill"),
        ..Group::default()
    })
}

/// The number behind a key at the beginning of a line: `oom_kill 3`.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2_MOUNT: &str = "24 23 0:22 / /proc rw - proc proc rw\n\
                            31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                          35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
                          36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n\
                          41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    fn tree<'a>(files: &'a [(&'a str, &'a str)]) -> impl Fn(&Path) -> Option<String> + 'a {
        move |path| files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
    }

    #[test]
    fn every_group_above_counts() {
        let files = [
            ("/sys/fs/cgroup/a/b/memory.current", "1000\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/b/memory.high", "4096\n"),
            (
                "/sys/fs/cgroup/a/b/memory.events",
                "low 0\nhigh 7\nmax 2\noom 1\noom_kill 3\noom_group_kill 9\n",
            ),
            ("/sys/fs/cgroup/a/memory.current", "5000\n"),
            ("/sys/fs/cgroup/a/memory.max", "8192\n"),
            ("/sys/fs/cgroup/a/memory.swap.max", "0\n"),
            ("/sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 300\nactive_file 4\n"),
        ];
        let groups = groups_of("0::/a/b\n", V2_MOUNT, &tree(&files)).unwrap();
        let own = Group {
            path: "/a/b".into(),
            dir: "/sys/fs/cgroup/a/b".into(),
            version: 2,
            high: Some(4096),
            current: Some(1000),
            limited: Some(2),
            slowed: Some(7),
            killed: Some(3),
            ..Group::default()
        };
        let above = Group {
            path: "/a".into(),
            dir: "/sys/fs/cgroup/a".into(),
            version: 2,
            limit: Some(8192),
            current: Some(5000),
            reclaimable: Some(300),
            swap_limit: Some(0),
            ..Group::default()
        };
        assert_eq!(groups, [own, above]);
    }

    #[test]
    fn a_hybrid_host_has_its_memory_in_version_1() {
        let files = [
            ("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1000\n"),
            ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "67108864\n"),
            ("/sys/fs/cgroup/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "2000\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        let groups = groups_of("9:name=systemd:/\n4:memory:/a\n0::/a\n", HYBRID, &tree(&files)).unwrap();
        let told: Vec<_> = groups.iter().map(|g| (g.path.as_str(), g.version, g.limit, g.killed)).collect();
        assert_eq!(told, [("/a", 1, Some(64 << 20), Some(1)), ("/", 1, None, None)]);
        // The other way round: version 1 is mounted without memory, which version 2 has.
        let files = [("/sys/fs/cgroup/unified/a/memory.current", "5")];
        let groups = groups_of("5:devices:/a\n0::/a\n", HYBRID, &tree(&files)).unwrap();
        assert_eq!(groups.iter().map(|g| (g.version, g.current)).collect::<Vec<_>>(), [(2, Some(5))]);
    }

    #[test]
    fn a_container_shows_a_part_of_the_hierarchy() {
        let mount = "1 2 0:3 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let files = [
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "9"),
            ("/sys/fs/cgroup/memory/x/memory.usage_in_bytes", "8"),
        ];
        let groups = groups_of("4:memory:/docker/abc/x\n", mount, &tree(&files)).unwrap();
        let told: Vec<_> = groups.iter().map(|g| (g.path.as_str(), g.current)).collect();
        assert_eq!(told, [("/docker/abc/x", Some(8)), ("/docker/abc", Some(9))]);
        for outside in ["4:memory:/docker/abcd", "4:memory:/../other", "4:memory:/"] {
            let why = groups_of(outside, mount, &tree(&files)).unwrap_err();
            assert!(why.contains("another cgroup namespace"), "{outside}: {why}");
        }
        // A group of ours in a namespace of its own is its root, mounted as the root.
        let files = [("/sys/fs/cgroup/memory.current", "1"), ("/sys/fs/cgroup/memory.max", "2")];
        let groups = groups_of("0::/\n", V2_MOUNT, &tree(&files)).unwrap();
        assert_eq!((groups[0].path.as_str(), groups[0].limit), ("/", Some(2)));
    }

    #[test]
    fn what_cannot_be_read_is_a_sentence() {
        let nothing = tree(&[]);
        assert!(groups_of("", "", &nothing).unwrap_err().contains("No cgroup hierarchy is mounted"));
        assert!(groups_of("0::/\n", V2_MOUNT, &nothing).unwrap_err().contains("no memory controller"));
        for text in ["\0", ":::", "0:", "0::relative", "4:memory", "0::/a\\040b\n:", "1:2:3:4:5"] {
            for mount in [text, " - ", "1 2 3 4 5 - cgroup2", "1 - cgroup", "a b c \\777 \\04 - cgroup2 x y"]
            {
                let _ = groups_of(text, mount, &nothing);
            }
        }
        let files =
            [("/sys/fs/cgroup/a/memory.current", "-1\n"), ("/sys/fs/cgroup/a/memory.max", "\u{fffd}")];
        let groups = groups_of("0::/a\n", V2_MOUNT, &tree(&files)).unwrap();
        assert_eq!((groups[0].current, groups[0].limit), (None, None));
        assert_eq!(unescaped(r"/a\040b\134\9"), r"/a b\\9");
    }

    #[test]
    fn this_process_has_groups_or_a_reason() {
        match groups(Pid(std::process::id() as i32)) {
            Ok(groups) => {
                assert!(groups.iter().all(|group| group.path.starts_with('/')), "{groups:?}");
                assert_eq!(again(&groups).len(), groups.len());
            }
            Err(why) => assert!(why.ends_with('.'), "{why}"),
        }
        assert!(groups(Pid(i32::MAX)).is_err());
    }
}
