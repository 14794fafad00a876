//! Cgroup namespaces (cgroup_namespaces(7)): the groups that the maker was in are the roots of what is seen inside.
use super::{NsId, State};
use crate::{Kernel, Tid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The root in each hierarchy, by its number as /proc/PID/cgroup has it; "/" in one that is not here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Roots(BTreeMap<String, String>);

/// A line of /proc/PID/cgroup: number, subsystems, path.
fn fields(line: &str) -> Option<(&str, &str, &str)> {
    let (number, rest) = line.split_once(':')?;
    let (names, path) = rest.split_once(':')?;
    Some((number, names, path))
}

/// `kernfs_path_from_node`: the way from `root` to `path`.
fn relative(root: &str, path: &str) -> String {
    let parts = |path: &'_ str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(root), parts(path));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let way = from[common..].iter().map(|_| "..".to_owned()).chain(to[common..].iter().cloned());
    let text: String = way.map(|part| format!("/{part}")).collect();
    if text.is_empty() { "/".into() } else { text }
}

impl Kernel {
    /// The roots of a namespace that a task makes: the groups it is in.
    pub(super) fn cgroup_roots(&self, tid: Tid) -> Roots {
        let lines = self.cgroup_core().map_or(String::new(), |core| core.proc_lines(self, tid));
        let root = |line: &str| fields(line).map(|(number, _, path)| (number.to_owned(), path.to_owned()));
        Roots(lines.lines().filter_map(root).collect())
    }

    /// /proc/PID/cgroup as a reader's namespace shows it.
    pub(crate) fn proc_cgroup(&self, tid: Tid, reader: Tid) -> String {
        let lines = self.cgroup_core().map_or(String::new(), |core| core.proc_lines(self, tid));
        let ns = self.tasks.get(reader).map_or(NsId::CGROUP, |task| task.nsproxy.cgroup);
        let Some(State::Cgroup(Roots(roots))) = self.namespaces.table.get(&ns).map(|ns| &ns.state) else {
            return lines;
        };
        let shown =
            |line: &str| match fields(line).map(|(number, names, path)| (number, names, path, roots.get(number))) {
                Some((number, names, path, Some(root))) => format!("{number}:{names}:{}\n", relative(root, path)),
                _ => format!("{line}\n"),
            };
        lines.lines().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.18 shows groups from within others.
    #[test]
    fn the_way_from_one_group_to_another() {
        for (root, path, way) in [
            ("/", "/a/b", "/a/b"),
            ("/a/b", "/a/b", "/"),
            ("/a/b", "/a/b/c", "/c"),
            ("/a/b", "/", "/../.."),
            ("/a/b", "/a/c/d", "/../c/d"),
            ("/a", "/ab", "/../ab"),
        ] {
            assert_eq!(relative(root, path), way, "{root} {path}");
        }
        assert_eq!(fields("3:freezer:/a:b"), Some(("3", "freezer", "/a:b")));
    }
}
