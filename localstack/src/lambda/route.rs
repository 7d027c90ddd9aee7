//! Which operation a method and path ask for.

/// An operation, with what its path names (percent-decoded).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    CreateFunction,
    ListFunctions,
    GetFunction(String),
    DeleteFunction(String),
    GetFunctionConfiguration(String),
    UpdateFunctionConfiguration(String),
    UpdateFunctionCode(String),
    PublishVersion(String),
    ListVersionsByFunction(String),
    CreateAlias(String),
    ListAliases(String),
    GetAlias(String, String),
    UpdateAlias(String, String),
    DeleteAlias(String, String),
    Invoke(String),
    ListTags(String),
    TagResource(String),
    UntagResource(String),
    PutFunctionConcurrency(String),
    GetFunctionConcurrency(String),
    DeleteFunctionConcurrency(String),
    PutProvisionedConcurrency(String),
    GetProvisionedConcurrency(String),
    ListProvisionedConcurrency(String),
    DeleteProvisionedConcurrency(String),
    GetAccountSettings,
}

impl Route {
    /// The operation of a request; `lists` says whether the query asks for a list (`List=ALL`).
    pub(super) fn of(method: &str, path: &str, lists: bool) -> Option<Route> {
        use Route::*;
        let segments: Vec<String> = path.trim_matches('/').split('/').map(percent_decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Some(match (method, segments.as_slice()) {
            ("POST", ["2015-03-31", "functions"]) => CreateFunction,
            ("GET", ["2015-03-31", "functions"]) => ListFunctions,
            ("GET", ["2015-03-31", "functions", name]) => GetFunction((*name).to_owned()),
            ("DELETE", ["2015-03-31", "functions", name]) => DeleteFunction((*name).to_owned()),
            ("GET", ["2015-03-31", "functions", name, "configuration"]) => {
                GetFunctionConfiguration((*name).to_owned())
            }
            ("PUT", ["2015-03-31", "functions", name, "configuration"]) => {
                UpdateFunctionConfiguration((*name).to_owned())
            }
            ("PUT", ["2015-03-31", "functions", name, "code"]) => UpdateFunctionCode((*name).to_owned()),
            ("POST", ["2015-03-31", "functions", name, "versions"]) => PublishVersion((*name).to_owned()),
            ("GET", ["2015-03-31", "functions", name, "versions"]) => {
                ListVersionsByFunction((*name).to_owned())
            }
            ("POST", ["2015-03-31", "functions", name, "aliases"]) => CreateAlias((*name).to_owned()),
            ("GET", ["2015-03-31", "functions", name, "aliases"]) => ListAliases((*name).to_owned()),
            (method, ["2015-03-31", "functions", name, "aliases", alias]) => {
                let (name, alias) = ((*name).to_owned(), (*alias).to_owned());
                match method {
                    "GET" => GetAlias(name, alias),
                    "PUT" => UpdateAlias(name, alias),
                    "DELETE" => DeleteAlias(name, alias),
                    _ => return None,
                }
            }
            ("POST", ["2015-03-31", "functions", name, "invocations"]) => Invoke((*name).to_owned()),
            ("GET", ["2017-03-31", "tags", arn]) => ListTags((*arn).to_owned()),
            ("POST", ["2017-03-31", "tags", arn]) => TagResource((*arn).to_owned()),
            ("DELETE", ["2017-03-31", "tags", arn]) => UntagResource((*arn).to_owned()),
            ("PUT", ["2017-10-31", "functions", name, "concurrency"]) => {
                PutFunctionConcurrency((*name).to_owned())
            }
            ("DELETE", ["2017-10-31", "functions", name, "concurrency"]) => {
                DeleteFunctionConcurrency((*name).to_owned())
            }
            ("GET", ["2019-09-30", "functions", name, "concurrency"]) => {
                GetFunctionConcurrency((*name).to_owned())
            }
            (method, ["2019-09-30", "functions", name, "provisioned-concurrency"]) => {
                let name = (*name).to_owned();
                match method {
                    "PUT" => PutProvisionedConcurrency(name),
                    "GET" if lists => ListProvisionedConcurrency(name),
                    "GET" => GetProvisionedConcurrency(name),
                    "DELETE" => DeleteProvisionedConcurrency(name),
                    _ => return None,
                }
            }
            ("GET", ["2016-08-19", "account-settings"]) => GetAccountSettings,
            _ => return None,
        })
    }

    /// The operation's name, as IAM's `lambda:` action writes it.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Route::CreateFunction => "CreateFunction",
            Route::ListFunctions => "ListFunctions",
            Route::GetFunction(_) => "GetFunction",
            Route::DeleteFunction(_) => "DeleteFunction",
            Route::GetFunctionConfiguration(_) => "GetFunctionConfiguration",
            Route::UpdateFunctionConfiguration(_) => "UpdateFunctionConfiguration",
            Route::UpdateFunctionCode(_) => "UpdateFunctionCode",
            Route::PublishVersion(_) => "PublishVersion",
            Route::ListVersionsByFunction(_) => "ListVersionsByFunction",
            Route::CreateAlias(_) => "CreateAlias",
            Route::ListAliases(_) => "ListAliases",
            Route::GetAlias(..) => "GetAlias",
            Route::UpdateAlias(..) => "UpdateAlias",
            Route::DeleteAlias(..) => "DeleteAlias",
            Route::Invoke(_) => "InvokeFunction",
            Route::ListTags(_) => "ListTags",
            Route::TagResource(_) => "TagResource",
            Route::UntagResource(_) => "UntagResource",
            Route::PutFunctionConcurrency(_) => "PutFunctionConcurrency",
            Route::GetFunctionConcurrency(_) => "GetFunctionConcurrency",
            Route::DeleteFunctionConcurrency(_) => "DeleteFunctionConcurrency",
            Route::PutProvisionedConcurrency(_) => "PutProvisionedConcurrencyConfig",
            Route::GetProvisionedConcurrency(_) => "GetProvisionedConcurrencyConfig",
            Route::ListProvisionedConcurrency(_) => "ListProvisionedConcurrencyConfigs",
            Route::DeleteProvisionedConcurrency(_) => "DeleteProvisionedConcurrencyConfig",
            Route::GetAccountSettings => "GetAccountSettings",
        }
    }
}

/// Text with `%XX` resolved. What is no such escape stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_operations() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:app";
        for (method, path, expected) in [
            ("POST", "/2015-03-31/functions", Some(Route::CreateFunction)),
            ("POST", "/2015-03-31/functions/", Some(Route::CreateFunction)),
            ("GET", "/2015-03-31/functions/app", Some(Route::GetFunction("app".into()))),
            (
                "GET",
                "/2015-03-31/functions/arn%3Aaws%3alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aapp",
                Some(Route::GetFunction(arn.into())),
            ),
            (
                "PUT",
                "/2015-03-31/functions/app/aliases/live",
                Some(Route::UpdateAlias("app".into(), "live".into())),
            ),
            ("POST", "/2015-03-31/functions/app/aliases/live", None),
            (
                "GET",
                "/2019-09-30/functions/app/concurrency",
                Some(Route::GetFunctionConcurrency("app".into())),
            ),
            ("GET", "/2015-03-31/functions/app/concurrency", None),
            ("GET", "/2017-03-31/tags/x%2Fy%zz%4", Some(Route::ListTags("x/y%zz%4".into()))),
            ("GET", "/", None),
            ("PATCH", "/2015-03-31/functions/app", None),
        ] {
            assert_eq!(Route::of(method, path, false), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_query_tells_a_list_of_provisioned_concurrency_from_one() {
        let path = "/2019-09-30/functions/app/provisioned-concurrency";
        assert_eq!(Route::of("GET", path, true), Some(Route::ListProvisionedConcurrency("app".into())));
        assert_eq!(Route::of("GET", path, false), Some(Route::GetProvisionedConcurrency("app".into())));
    }
}
