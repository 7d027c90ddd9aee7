//! What `permissions` has to say.

use serde_json::Value;

use crate::permission::Identity;

/// The policies that were made, and what came of the question which of them the caller lacks.
#[derive(Debug, Clone)]
pub struct PermissionsReport {
    /// The policies, that of the deployer first.
    pub documents: Vec<PermissionsDocument>,
    /// What IAM said of the caller; none where it was not asked.
    pub check: Option<PermissionsCheck>,
}

/// A policy to be given to IAM.
#[derive(Debug, Clone)]
pub struct PermissionsDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// What it is for, in a line.
    pub title: String,
    /// The document.
    pub document: Value,
    /// Its size as IAM counts it: without whitespace.
    pub characters: usize,
    /// How large IAM lets it be.
    pub limit: usize,
}

/// What a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// What an identity may do.
    Permissions(Identity),
    /// Who may assume a role.
    Trust,
}

/// What IAM's simulation said of the caller.
#[derive(Debug, Clone)]
pub struct PermissionsCheck {
    /// The user or role that was judged; none where it could not be told.
    pub principal: Option<String>,
    /// What it lacks.
    pub lacking: Vec<LackingPermission>,
    /// Why something is not known, if it is not.
    pub unknown: Option<String>,
}

/// A permission that the caller lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingPermission {
    /// `ecr:PutImage`
    pub action: String,
    /// On what.
    pub resource: String,
    /// The step that wants it, in words.
    pub step: &'static str,
    /// Whether a policy denies it, rather than that none allows it.
    pub is_denied: bool,
}
