//! Copies of the store.

use serde_json::json;

use super::Rig;

#[tokio::test]
async fn a_copy_is_begun_once_and_tells_how_far_it_is() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/backup").await.status, 404);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let call = json!({ "file": file }).to_string();
    for wrong in [r#"{"file":"copy.db"}"#, r#"{"file":7}"#, "{}", &json!({ "file": folder.path() }).to_string()] {
        assert_eq!(rig.call("POST", "/backup", wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(rig.call("POST", "/backup", &call).await.status, 202);
    let again = rig.call("POST", "/backup", &call).await;
    assert_eq!((again.status, again.json()["outcome"].clone()), (202, json!("copying")));
    let other = json!({ "file": folder.path().join("other.db") }).to_string();
    assert_eq!(rig.call("POST", "/backup", &other).await.status, 409);
    rig.admin.copied.notify_one();
    let done = loop {
        let copy = rig.get("/backup").await.json();
        if copy["outcome"] != "copying" {
            break copy;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(done, json!({ "file": file, "outcome": "done", "bytes": 2, "of": 2, "message": null }));
    assert_eq!(rig.admin.asked.lock().unwrap().len(), 1, "the store was asked once");
    *rig.admin.store.broken.lock().unwrap() = true;
    assert_eq!(rig.call("POST", "/backup", &call).await.status, 202);
    let failed = loop {
        let copy = rig.get("/backup").await.json();
        if copy["outcome"] != "copying" {
            break copy;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (&failed["outcome"], &failed["message"]),
        (&json!("failed"), &json!("the store is not available: anything"))
    );
}
