"""The vendor's own SDK against the stand-in, and on the requests that Oncue makes.

    check_vod.py ENDPOINT FILE_ID REQUESTS

ENDPOINT is HOST:PORT of a stand-in that knows application 1500000001 and the key AKIDEXAMPLE/EXAMPLEKEY, FILE_ID a file there,
REQUESTS a JSON file with the requests that Oncue made, each as [ACTION, BODY]. A field that the SDK's models do not know is an error, in
requests and in the stand-in's answers.
"""

import json
import sys
import warnings

from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models, vod_client

APP = 1500000001

# The models warn of fields that they do not know.
warnings.simplefilter("error")


def client(endpoint, secret_id="AKIDEXAMPLE", secret_key="EXAMPLEKEY"):
    http = HttpProfile(protocol="http", endpoint=endpoint, reqTimeout=30)
    profile = ClientProfile(signMethod="TC3-HMAC-SHA256", httpProfile=http)
    return vod_client.VodClient(credential.Credential(secret_id, secret_key), "ap-guangzhou", profile)


def call(vod, action, **params):
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps({"SubAppId": APP, **params}))
    return getattr(vod, action)(request)


def refused(vod, code, action, **params):
    try:
        call(vod, action, **params)
    except TencentCloudSDKException as error:
        assert error.get_code() == code, f"{action}: expected {code}, got {error.get_code()}: {error.get_message()}"
        assert error.get_request_id(), f"{action}: the refusal has no RequestId"
    else:
        raise AssertionError(f"{action} was not refused with {code}")


def check_calls(endpoint, file_id):
    vod = client(endpoint)
    work = {"MediaProcessTask": {"TranscodeTaskSet": [{"Definition": 100010}, {"Definition": 100020}]}}
    task = call(vod, "ProcessMedia", FileId=file_id, SessionId="sdk-1", **work)
    assert task.TaskId.startswith(f"{APP}-procedurev2-"), task.TaskId
    refused(vod, "InvalidParameterValue.SessionId", "ProcessMedia", FileId=file_id, SessionId="sdk-1", **work)
    refused(vod, "InvalidParameterValue.FileId", "ProcessMedia", FileId="1", **work)

    detail = call(vod, "DescribeTaskDetail", TaskId=task.TaskId)
    assert detail.TaskType == "Procedure" and detail.Status in ("WAITING", "PROCESSING", "FINISH"), detail
    assert detail.ProcedureTask.FileId == file_id, detail

    review = call(vod, "ReviewAudioVideo", FileId=file_id, ReviewContents=["Media", "Cover"], SessionId="sdk-2")
    detail = call(vod, "DescribeTaskDetail", TaskId=review.TaskId)
    assert detail.TaskType == "ReviewAudioVideo" and detail.ReviewAudioVideoTask.Input.FileId == file_id, detail
    edit = call(vod, "EditMedia", InputType="File", FileInfos=[{"FileId": file_id}], SessionId="sdk-3")
    detail = call(vod, "DescribeTaskDetail", TaskId=edit.TaskId)
    assert detail.TaskType == "EditMedia" and detail.EditMediaTask.Input.FileInfoSet[0].FileId == file_id, detail
    tasks = call(vod, "DescribeTasks", FileId=file_id, Limit=100)
    assert {known.SessionId for known in tasks.TaskSet} >= {"sdk-1", "sdk-2"}, tasks
    page = call(vod, "DescribeTasks", Limit=1)
    assert len(page.TaskSet) == 1 and page.ScrollToken, page
    refused(vod, "InvalidParameterValue.FileId", "DeleteMedia", FileId="1")
    call(vod, "DeleteMedia", FileId=file_id, DeleteParts=[{"Type": "OriginalFiles", "Definition": 0}])

    media = call(vod, "DescribeMediaInfos", FileIds=[file_id, "1"])
    assert [info.FileId for info in media.MediaInfoSet] == [file_id], media
    assert media.NotExistFileIdSet == ["1"], media

    url = "https://oncue.example/vod/1500000001/token"
    call(vod, "ModifyEventConfig", Mode="PUSH", NotificationUrl=url, UploadMediaCompleteEventSwitch="OFF", SignKey="abc123")
    config = call(vod, "DescribeEventConfig")
    assert (config.Mode, config.NotificationUrl, config.UploadMediaCompleteEventSwitch) == ("PUSH", url, "OFF"), config
    call(vod, "ModifyEventConfig", NotificationUrl="")
    assert call(vod, "DescribeEventConfig").NotificationUrl == "", "the URL was not cleared"


def check_credentials(endpoint):
    refused(client(endpoint, secret_key="WRONG"), "AuthFailure.SignatureFailure", "DescribeEventConfig")
    refused(client(endpoint, secret_id="AKIDWRONG"), "AuthFailure.SecretIdNotFound", "DescribeEventConfig")


def check_requests(requests):
    assert requests, "no request was recorded"
    try:
        models.ProcessMediaRequest().from_json_string('{"MediaProcessTask": {"NoSuchTaskSet": []}}')
    except Warning:
        pass
    else:
        raise AssertionError("the SDK no longer says which fields it does not know")
    for action, body in requests:
        request = getattr(models, action + "Request")()
        request.from_json_string(json.dumps(body))
        again = request._serialize(allow_none=False)
        assert again == body, f"the SDK would send\n{json.dumps(again)}\ninstead of\n{json.dumps(body)}"


def main():
    endpoint, file_id, path = sys.argv[1:]
    check_calls(endpoint, file_id)
    check_credentials(endpoint)
    with open(path, encoding="utf-8") as file:
        requests = json.load(file)
    check_requests(requests)
    print(f"{len(requests)} requests of Oncue are what the SDK would send")


if __name__ == "__main__":
    main()
