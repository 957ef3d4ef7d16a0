# SPDX-License-Identifier: AGPL-3.0-or-later
"""openai for Python behind the lines that sdk.py describes. Every answer is
held against the client's own types (_strict_response_validation), unless the
call says otherwise."""
import asyncio
import functools
import json
import sys

import openai


def tell(job, **answer):
    print(json.dumps({"number": job["number"], **answer}), flush=True)


def describe(error):
    """An exception in the form of sdk.py."""
    classes = [one.__name__ for one in type(error).__mro__]
    response = getattr(error, "response", None)
    return {"classes": classes, "text": str(error),
            "status": getattr(error, "status_code", None),
            "code": getattr(error, "code", None),
            "param": getattr(error, "param", None),
            "type": getattr(error, "type", None),
            "request_id": getattr(error, "request_id", None),
            "headers": dict(response.headers) if response is not None else {}}


def make_client(kind, options):
    return kind(base_url=options["base_url"], api_key=options["api_key"],
                max_retries=options["max_retries"],
                timeout=options["timeout"],
                default_headers=options["headers"],
                _strict_response_validation=options["strict"])


def find(client, job):
    """The method to call, with its arguments bound."""
    method = functools.reduce(getattr, job["method"].split("."), client)
    return functools.partial(method, *job["positional"], **job["named"])


def tell_result(job, value):
    """A result with the keys that the server sent and no others."""
    tell(job, result=value.to_dict(mode="json"),
         request_id=getattr(value, "_request_id", None))


def run(job):
    with make_client(openai.OpenAI, job["client"]) as client:
        call = find(client, job)
        if job["method"].endswith(".stream"):
            with call() as stream:
                tell_result(job, stream.get_final_completion())
            return
        value = call()
        if not isinstance(value, openai.Stream):
            tell_result(job, value)
            return
        with value:
            for number, chunk in enumerate(value, 1):
                tell(job, chunk=chunk.to_dict(mode="json"))
                if number == job["leave_after"]:
                    break
        tell(job, result=None, request_id=None)


async def run_async(job):
    async with make_client(openai.AsyncOpenAI, job["client"]) as client:
        call = find(client, job)
        if job["method"].endswith(".stream"):
            async with call() as stream:
                tell_result(job, await stream.get_final_completion())
            return
        value = await call()
        if not isinstance(value, openai.AsyncStream):
            tell_result(job, value)
            return
        async with value:
            number = 0
            async for chunk in value:
                number += 1
                tell(job, chunk=chunk.to_dict(mode="json"))
                if number == job["leave_after"]:
                    break
        tell(job, result=None, request_id=None)


def main():
    for line in sys.stdin:
        job = json.loads(line)
        try:
            if job["variant"] == "async":
                asyncio.run(run_async(job))
            else:
                run(job)
        except Exception as error:  # pylint: disable=broad-except
            tell(job, error=describe(error))


main()
