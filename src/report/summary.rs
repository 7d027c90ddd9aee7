//! What the report says before anything is done: drawn from facts and plan.

use std::time::Duration;

use crate::event::LayerAction;
use crate::image::LocalImage;
use crate::name::{FunctionName, ImageUri, RegistryHost, RepositoryName};
use crate::observe::{Facts, FunctionFacts, LayerFacts, LayerOrigin, PolicyFacts};
use crate::plan::{DeploySpec, FunctionSpec, GrantDecision, Plan, Step, decide_grant};
use crate::registry::PushedImage;

use super::{
    AliasReport, FunctionReport, ImageReport, LayerReport, PolicyOutcome, PolicyReport, Report, StepReport,
    StepStatus, describe,
};

/// A local image that was not compared with any registry.
pub fn image_report(local: &LocalImage) -> ImageReport {
    let mut sizes = local.layers.iter().map(|layer| layer.known_uncompressed_size());
    let layers = local.layers.iter().map(|layer| LayerReport {
        digest: layer.stored_digest,
        diff_id: layer.diff_id,
        size: layer.stored_size,
        action: None,
    });
    ImageReport {
        repository: None,
        uri: None,
        digest: local.original.as_ref().filter(|original| original.pushable).map(|original| original.digest),
        tags: Vec::new(),
        media_type: local.original.as_ref().map(|original| original.media_type.clone()),
        architecture: match local.config.architecture {
            Some(architecture) => architecture.to_string(),
            None => local.config.architecture_name.clone(),
        },
        uncompressed_bytes: sizes.try_fold(0_u64, |sum, size| Some(sum.saturating_add(size?))),
        pushed_bytes: 0,
        layers: layers.collect(),
    }
}

impl Report {
    /// Takes over what was observed.
    pub(crate) fn take_facts(&mut self, spec: &DeploySpec, facts: &Facts) {
        if let Some(image) = &mut self.image {
            image.take_facts(&spec.repository.name, facts);
        }
        if let (Some(wanted), Some(function)) = (&spec.function, &facts.function) {
            self.function = Some(function_report(wanted, function));
            self.policy = policy_report(spec, facts);
            self.alias = wanted.alias.as_ref().map(|name| {
                let current = function.alias.as_ref().map(|alias| alias.version.clone());
                AliasReport { name: name.clone(), from: current.clone(), to: current }
            });
        }
    }

    /// Takes over what will be done. Without a step it is what stands already.
    pub(crate) fn take_plan(&mut self, spec: &DeploySpec, facts: &Facts, plan: &Plan) {
        self.steps = plan
            .steps
            .iter()
            .map(|step| StepReport {
                step: step.name(),
                status: StepStatus::Planned,
                detail: describe(step, spec, facts),
                elapsed: Duration::ZERO,
            })
            .collect();
        for step in &plan.steps {
            if let (Step::MoveAlias(step), Some(alias)) = (step, &mut self.alias) {
                alias.to = step.to.map(|version| version.to_string());
            }
        }
        self.version = plan.version.map(|version| version.to_string());
        if let Some(image) = &mut self.image {
            image.take_actions(facts);
        }
    }

    /// Layers that were to be sent when the push failed: what became of them is not known.
    pub(crate) fn forget_unsent_layers(&mut self) {
        let pushed =
            self.steps.iter().any(|step| step.step == "push_image" && step.status == StepStatus::Done);
        if let (false, Some(image)) = (pushed, &mut self.image) {
            let unsent = image.layers.iter_mut().filter(|layer| layer.action == Some(LayerAction::Uploaded));
            unsent.for_each(|layer| layer.action = None);
        }
    }
}

impl ImageReport {
    fn take_facts(&mut self, repository: &RepositoryName, facts: &Facts) {
        self.repository = Some(repository.to_string());
        self.tags = facts.image.tags.iter().map(|(tag, _)| tag.clone()).collect();
        if let Some(manifest) = &facts.image.manifest {
            self.digest = Some(manifest.digest);
            self.media_type = Some(manifest.media_type.clone());
            let uri = ImageUri::by_digest(facts.registry.clone(), repository.clone(), manifest.digest);
            self.uri = Some(uri.to_string());
        }
        for (report, layer) in self.layers.iter_mut().zip(&facts.image.layers) {
            if let Some(known) = layer.known {
                report.digest = Some(known.digest);
                report.size = known.size;
            }
        }
    }

    /// Takes over what will be done with each layer. A refused image has no plan, and so no action.
    fn take_actions(&mut self, facts: &Facts) {
        for (report, layer) in self.layers.iter_mut().zip(&facts.image.layers) {
            report.action = Some(planned_action(layer));
        }
    }

    /// Takes over what the push did.
    pub(crate) fn take_push(
        &mut self,
        pushed: &PushedImage,
        registry: &RegistryHost,
        repository: &RepositoryName,
    ) {
        self.digest = Some(pushed.digest);
        self.media_type = Some(pushed.media_type.clone());
        self.tags.clone_from(&pushed.tags);
        self.pushed_bytes = pushed.pushed_bytes;
        let uri = ImageUri::by_digest(registry.clone(), repository.clone(), pushed.digest);
        self.uri = Some(uri.to_string());
        self.uncompressed_bytes = pushed.uncompressed_bytes().or(self.uncompressed_bytes);
        for (report, layer) in self.layers.iter_mut().zip(&pushed.layers) {
            report.digest = Some(layer.descriptor.digest);
            report.size = layer.descriptor.size;
            report.action = Some(layer.action);
        }
    }
}

fn planned_action(layer: &LayerFacts) -> LayerAction {
    match layer.known {
        Some(known) if layer.stored => match known.origin {
            LayerOrigin::Running | LayerOrigin::Cache => LayerAction::Reused,
            LayerOrigin::Source | LayerOrigin::Computed => LayerAction::Exists,
        },
        _ => LayerAction::Uploaded,
    }
}

fn function_report(wanted: &FunctionSpec, function: &FunctionFacts) -> FunctionReport {
    let FunctionFacts { account, region, .. } = function;
    let arn = match &function.live {
        Some(live) => live.arn.clone(),
        None => function_arn(&wanted.name, function),
    };
    FunctionReport {
        name: wanted.name.clone(),
        arn,
        region: region.clone(),
        account: account.clone(),
        created: false,
    }
}

/// The ARN that a function will have.
fn function_arn(name: &FunctionName, function: &FunctionFacts) -> String {
    let FunctionFacts { account, region, .. } = function;
    format!("arn:{}:lambda:{region}:{account}:function:{name}", region.partition().arn_name())
}

fn policy_report(spec: &DeploySpec, facts: &Facts) -> Option<PolicyReport> {
    let (verdict, statements_added) = match decide_grant(spec, facts) {
        GrantDecision::None => match facts.policy {
            PolicyFacts::Unreadable(_) => (PolicyOutcome::Unknown, Vec::new()),
            PolicyFacts::Absent | PolicyFacts::Text(_) => return None,
        },
        GrantDecision::Granted => (PolicyOutcome::Granted, Vec::new()),
        GrantDecision::Add(grant) => (PolicyOutcome::Added, grant.statements),
        GrantDecision::Refused(_) => (PolicyOutcome::Denied, Vec::new()),
        GrantDecision::Undecided(_) => (PolicyOutcome::Unknown, Vec::new()),
    };
    Some(PolicyReport { changed: false, verdict, statements_added, document: None })
}
