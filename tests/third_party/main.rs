//! The same promises as against the stand-in, kept against servers that nobody here wrote.
//!
//! moto answers for ECR's, Lambda's and STS's control planes, Debian's docker-registry is the image registry, images
//! come from Docker, podman, buildah and skopeo, and skopeo and boto3 say what came of it. `tests/run` installs them
//! all. `docs/testing.md` says where moto differs from AWS; what it does not enforce is tested against `localstack/`.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod account;
mod around;
mod codedeploy;
mod deploy;
mod docker_daemon;
mod killed;
mod lambda_emulator;
mod lambda_extensions;
mod lambda_hostile;
mod lambda_images;
mod lambda_layers;
mod lambda_scene;
mod large_image;
mod mounts;
mod policy;
mod producers;
mod prune;
mod push_faults;
mod refusals;
mod release;
mod remote;
mod resumed;
mod status;
mod targets;
mod values;
mod withheld;
