//! The IAM action behind an API call.

/// The action that a call to `service` (as errors name it: `Amazon ECR`) is judged by: `ecr:PutImage`.
///
/// IAM's name is the operation's, with the exceptions of the Service Authorization Reference.
pub fn action_of(service: &str, operation: &str) -> String {
    let prefix = match service {
        "Amazon ECR" => "ecr",
        "AWS Lambda" => "lambda",
        "Amazon CloudWatch" => "cloudwatch",
        "AWS CodeDeploy" => "codedeploy",
        "AWS IAM" => "iam",
        "AWS STS" => "sts",
        "AWS Systems Manager" => "ssm",
        "Amazon S3" => "s3",
        _ => return operation.to_owned(),
    };
    format!("{prefix}:{operation}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_named_as_its_operation_but_where_it_is_not() {
        for (service, operation, action) in [
            ("Amazon ECR", "PutImage", "ecr:PutImage"),
            ("AWS Lambda", "InvokeFunction", "lambda:InvokeFunction"),
            ("Amazon CloudWatch", "GetMetricData", "cloudwatch:GetMetricData"),
            ("AWS CodeDeploy", "CreateDeployment", "codedeploy:CreateDeployment"),
            ("AWS Systems Manager", "GetParameter", "ssm:GetParameter"),
            ("Amazon S3", "GetObject", "s3:GetObject"),
        ] {
            assert_eq!(action_of(service, operation), action);
        }
    }
}
