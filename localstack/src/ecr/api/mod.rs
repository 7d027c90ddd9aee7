//! ECR's control plane: one function an operation, grouped by what they are about.

mod dispatch;
mod images;
mod layers;
mod policies;
mod repositories;
mod request;
mod settings;
