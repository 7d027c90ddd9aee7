//! `docker push`, by a daemon that holds the image uncompressed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use lambda_lift_rig::{Dockerd, Registry};

use crate::measure::Figures;

/// A daemon with an image in it.
pub(crate) struct DockerPush {
    daemon: Dockerd,
}

impl DockerPush {
    /// Starts a daemon and loads `sample:1` into it.
    pub(crate) fn load(archive: &Path) -> io::Result<Self> {
        let daemon = Dockerd::start();
        daemon.load(archive);
        Ok(Self { daemon })
    }

    /// Pushes into a registry that the daemon has not seen.
    pub(crate) fn push(&self, registry: &Registry) -> io::Result<Figures> {
        let reference = format!("{}/sample:1", registry.authority());
        self.daemon.log_in(&registry.authority(), &registry.credentials());
        self.daemon.tag("sample:1", &reference);
        let before = self.cpu_seconds()?;
        let begin = Instant::now();
        self.daemon.push(&reference);
        let (wall, after) = (begin.elapsed(), self.cpu_seconds()?);
        Ok(Figures { wall, cpu: Some(after - before), peak: None })
    }

    /// What the daemon has taken of all cores: fields 14 and 15 of its stat (proc(5)), in hundredths of a second.
    fn cpu_seconds(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.daemon.pid()))?;
        // The second field is a name in parentheses.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / 100.0)
    }
}
