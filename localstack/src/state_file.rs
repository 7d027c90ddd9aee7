//! State kept between runs: one JSON file, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file that is either the old state or the new one, never half of each.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// What was last written, so that nothing is written when nothing has changed.
    written: Vec<u8>,
}

impl StateFile {
    /// A file `name` in `folder`, which is created when it is missing.
    pub(crate) fn new(folder: PathBuf, name: &str) -> Self {
        StateFile { path: folder.join(name), written: Vec::new() }
    }

    /// The state, or its default when there is none yet. The error is a sentence for a person.
    pub(crate) fn load<T: DeserializeOwned + Default>(&mut self) -> Result<T, String> {
        let shown = self.path.display();
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(format!("cannot read {shown}: {error}")),
        };
        let state = serde_json::from_slice(&bytes).map_err(|error| {
            format!("{shown} is not a state file of this version ({error}); remove it, or use another folder")
        })?;
        self.written = bytes;
        Ok(state)
    }

    /// Writes the state, if it has changed. The error is a sentence for a person.
    pub(crate) fn save<T: Serialize>(&mut self, state: &T) -> Result<(), String> {
        let shown = self.path.display().to_string();
        let bytes = serde_json::to_vec(state).map_err(|error| format!("cannot write {shown}: {error}"))?;
        if bytes != self.written {
            self.replace(&bytes).map_err(|error| format!("cannot write {shown}: {error}"))?;
            self.written = bytes;
        }
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let next = self.path.with_extension("json.next");
        let mut file = File::create(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)
    }
}
