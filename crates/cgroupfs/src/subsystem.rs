//! What a subsystem adds to the groups of a hierarchy.
use crate::hierarchy::{GroupId, Hierarchy};
use kernel::freezer::Rules;
use kernel::{Kernel, Result, Tid};

/// One control file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSpec {
    /// With the subsystem's prefix.
    pub(crate) name: &'static str,
    pub(crate) mode: u32,
    /// Whether the directory shows it: not if it is an extension.
    pub(crate) listed: bool,
}

impl FileSpec {
    pub(crate) const fn new(name: &'static str, mode: u32) -> FileSpec {
        FileSpec { name, mode, listed: true }
    }
}

/// A subsystem. Its state of a group is in `Group`; what it does there is here.
pub(crate) trait Subsystem: Sync {
    fn name(&self) -> &'static str;
    /// Whether there is such a subsystem by these rules.
    fn exists(&self, _rules: &Rules) -> bool {
        true
    }
    /// Whether `caller` may make a group below `parent`.
    fn can_create(&self, _hierarchy: &Hierarchy, _parent: GroupId, _caller: Tid, _kernel: &Kernel) -> Result<()> {
        Ok(())
    }
    /// A group was made.
    fn created(&self, _hierarchy: &mut Hierarchy, _id: GroupId, _kernel: &Kernel) {}
    /// The files it has in a group.
    fn files(&self, hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> &'static [FileSpec];
    fn read(&self, hierarchy: &mut Hierarchy, id: GroupId, file: &str, kernel: &mut Kernel) -> Result<String>;
    /// `text` is what was written, unstripped.
    fn write(&self, hierarchy: &mut Hierarchy, id: GroupId, file: &str, text: &[u8], kernel: &mut Kernel)
    -> Result<()>;
    /// Whether `caller` may move a task to `to`.
    fn can_attach(
        &self,
        _hierarchy: &Hierarchy,
        _to: GroupId,
        _tid: Tid,
        _caller: Tid,
        _kernel: &Kernel,
    ) -> Result<()> {
        Ok(())
    }
    /// A task moved.
    fn attached(&self, _hierarchy: &mut Hierarchy, _from: GroupId, _to: GroupId, _tid: Tid, _kernel: &mut Kernel) {}
    /// A task was born in a group.
    fn forked(&self, _hierarchy: &mut Hierarchy, _id: GroupId, _child: Tid, _kernel: &mut Kernel) {}
}

/// Every subsystem there is. Those of a hierarchy are asked in this order, which is that of 2.6.28's lists: the last in
/// cgroup_subsys.h first, so that a frozen task is EBUSY before it is EPERM (F08-28).
pub(crate) static SUBSYSTEMS: &[&dyn Subsystem] = &[&crate::freezer::Freezer, &crate::ns::Ns];

/// Subsystems in a saved machine: their names.
pub(crate) mod names {
    use super::{SUBSYSTEMS, Subsystem};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(subsystems: &[&'static dyn Subsystem], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(subsystems.iter().map(|subsystem| subsystem.name()))
    }
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<&'static dyn Subsystem>, D::Error> {
        let find = |name: String| {
            let found = SUBSYSTEMS.iter().find(|subsystem| subsystem.name() == name).copied();
            found.ok_or_else(|| D::Error::custom(format!("cgroup subsystem {name}: not known here")))
        };
        Vec::<String>::deserialize(from)?.into_iter().map(find).collect()
    }
}
