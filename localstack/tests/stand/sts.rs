//! Identities and sessions.

use lambda_lift_localstack::Settings;

use crate::client::{OTHER, REGION, Scene, signature};

async fn sts(scene: &Scene, access_key: &str, form: &'static str) -> (u16, String) {
    let response = scene
        .http
        .post(scene.stand.url())
        .header("authorization", signature(access_key, REGION, "sts"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split_once('<').unwrap().0
}

#[tokio::test]
async fn a_caller_learns_who_it_is_and_may_become_another() {
    let accounts = [("AKIAOTHER".to_owned(), OTHER.to_owned())].into();
    let scene = Scene::with(Settings { accounts, ..Settings::default() }).await;
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    for (key, account) in
        [("AKIAOTHER", OTHER), ("AKIAANY", "123456789012"), ("222222222222", "222222222222")]
    {
        let (status, xml) = sts(&scene, key, who).await;
        assert_eq!((status, element(&xml, "Account")), (200, account));
    }
    let assume = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=ci&\
                  RoleArn=arn%3Aaws%3Aiam%3A%3A333333333333%3Arole%2Fdeploy";
    let (status, xml) = sts(&scene, "AKIAANY", assume).await;
    assert_eq!(status, 200, "{xml}");
    let key = element(&xml, "AccessKeyId");
    let (_, xml) = sts(&scene, key, who).await;
    assert_eq!(element(&xml, "Account"), "333333333333");
    assert_eq!(element(&xml, "Arn"), "arn:aws:sts::333333333333:assumed-role/deploy/ci");
    let bad = sts(&scene, "AKIAANY", "Action=AssumeRole&RoleArn=x&RoleSessionName=ci").await;
    assert_eq!((bad.0, element(&bad.1, "Code")), (400, "ValidationError"));
    assert_eq!(scene.operations()[3], "AssumeRole");
}
