//! A kernel as bytes, and back: what hibernation writes (`kernel/power/snapshot.c` does it with pages).
//!
//! serde's derives walk the state, so a new field is saved without a word, and one that cannot be does not compile. What a
//! derive cannot make is put in by name: architectures, filesystems, the cgroup core. MessagePack with field names carries
//! it, so that bytes of another shape are refused by the name of the field that differs.
use crate::cgroup::CgroupCore;
use crate::vfs::{FileSystem, SuperId, Tmpfs};
use crate::{Cgroups, Kernel};
use arch::Arch;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// Why a machine cannot be saved, or bytes are no machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveError(pub String);

impl std::fmt::Display for SaveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SaveError {}

impl From<rmp_serde::encode::Error> for SaveError {
    fn from(error: rmp_serde::encode::Error) -> SaveError {
        SaveError(error.to_string())
    }
}

impl From<rmp_serde::decode::Error> for SaveError {
    fn from(error: rmp_serde::decode::Error) -> SaveError {
        SaveError(error.to_string())
    }
}

/// Something behind a trait: the name of what makes it again, and its state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    pub kind: String,
    #[serde(with = "serde_bytes")]
    state: Vec<u8>,
}

impl Saved {
    pub fn new(kind: &str, state: &impl Serialize) -> Result<Saved, SaveError> {
        Ok(Saved { kind: kind.into(), state: rmp_serde::to_vec_named(state)? })
    }
    pub fn state<T: DeserializeOwned>(&self) -> Result<T, SaveError> {
        Ok(rmp_serde::from_slice(&self.state)?)
    }
}

/// What makes a filesystem again, by the kind in its [`Saved`].
pub type Restorer = (&'static str, fn(&Saved) -> Result<Box<dyn FileSystem>, SaveError>);

/// The restorer of a filesystem that is nothing but its state.
pub fn restore<T: FileSystem + DeserializeOwned + 'static>(saved: &Saved) -> Result<Box<dyn FileSystem>, SaveError> {
    Ok(Box::new(saved.state::<T>()?))
}

/// The kernel's own.
const RESTORERS: &[Restorer] = &[
    ("tmpfs", restore::<Tmpfs>),
    ("anon", restore::<crate::vfs::AnonFs>),
    ("proc", restore::<crate::procfs::ProcFs>),
    ("nsfs", restore::<crate::namespaces::NsFs>),
    ("mqueue", restore::<crate::ipc::MqueueFs>),
    ("sysfs", restore::<crate::sysfs::SysFs>),
    ("devpts", restore::<crate::tty::DevPts>),
];

/// What a reader of saved kernels knows.
pub struct Known {
    pub arches: &'static [&'static Arch],
    /// Filesystems that are not the kernel's own.
    pub filesystems: &'static [&'static [Restorer]],
    pub cgroups: fn(&Saved) -> Result<Box<dyn CgroupCore>, SaveError>,
}

/// A kernel, and beside it what is behind traits.
#[derive(Serialize, Deserialize)]
struct Image<K> {
    kernel: K,
    filesystems: Vec<(SuperId, Saved)>,
    cgroups: Option<Saved>,
}

impl Kernel {
    /// Writes the state; two kernels in the same state write the same.
    pub fn save(&self, to: &mut impl Write) -> Result<(), SaveError> {
        let filesystems = self.vfs.filesystems().map(|(id, fs)| Ok((id, fs.save()?)));
        let image = Image {
            kernel: self,
            filesystems: filesystems.collect::<Result<_, SaveError>>()?,
            cgroups: self.cgroups.core().map(|core| core.save()).transpose()?,
        };
        Ok(image.serialize(&mut rmp_serde::Serializer::new(to).with_struct_map())?)
    }

    /// The kernel that [`Kernel::save`] wrote.
    pub fn load(bytes: &[u8], known: &Known) -> Result<Kernel, SaveError> {
        let image: Image<Kernel> = arch::saved::with_arches(known.arches, || rmp_serde::from_slice(bytes))?;
        let mut kernel = image.kernel;
        for (id, saved) in image.filesystems {
            let mut restorers = RESTORERS.iter().chain(known.filesystems.iter().copied().flatten());
            let restorer = restorers.find(|(kind, _)| *kind == saved.kind);
            let (_, restore) =
                restorer.ok_or_else(|| SaveError(format!("filesystem {}: not known here", saved.kind)))?;
            let put = kernel.vfs.put_filesystem(id, restore(&saved)?);
            put.ok_or_else(|| SaveError(format!("filesystem {}: of no super block", saved.kind)))?;
        }
        if !kernel.vfs.is_whole() {
            return Err(SaveError("a super block without its filesystem".into()));
        }
        kernel.cgroups = match image.cgroups {
            Some(saved) => Cgroups::new((known.cgroups)(&saved)?),
            None => Cgroups::default(),
        };
        Ok(kernel)
    }
}
