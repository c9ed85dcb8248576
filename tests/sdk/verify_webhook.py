"""The reference library of Standard Webhooks on a webhook that Oncue sent.

    verify_webhook.py SECRET < REQUEST

SECRET is `whsec_…`; REQUEST is JSON: {"headers": {"webhook-id": …, …}, "body": "the body as text"}. Exit code 0 when the signature is
right and a changed body is refused, 1 when not.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def main():
    request = json.load(sys.stdin)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    webhook = Webhook(sys.argv[1])
    try:
        webhook.verify(request["body"], headers)
    except WebhookVerificationError as error:
        sys.exit(f"refused: {error}")
    try:
        webhook.verify(request["body"] + " ", headers)
    except WebhookVerificationError:
        print("verified")
    else:
        sys.exit("a changed body was verified too")


if __name__ == "__main__":
    main()
