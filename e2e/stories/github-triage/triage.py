"""Triage of a repository's issues by an AutoGen assistant whose functions go through Sallyport.

The assistant never holds the GitHub token: each function asks the gateway, which injects it, checks that
the call lies inside the mission, and records it before it leaves. ``npm start`` must be running; see README.md.
"""

import os

from autogen import AssistantAgent, UserProxyAgent, register_function
from model_server import TRIAGE, ModelServer
from sallyport import Stack

REPOSITORY = os.environ.get("TRIAGE_REPOSITORY", "acme/sandbox")
ISSUES = "https://api.github.com/repos/%s/issues" % REPOSITORY


def functions(mission):
    def list_github_issues(state: str = "open") -> list:
        """List the repository's issues."""
        return checked(mission.proxy("github", ISSUES, query={"state": state}))

    def create_github_issue(title: str, body: str) -> dict:
        """Open an issue."""
        return checked(mission.proxy("github", ISSUES, "POST", body={"title": title, "body": body}))

    return list_github_issues, create_github_issue


def checked(response):
    if not response.ok():
        raise RuntimeError("GitHub answered %d" % response.status)
    return response.body


def main():
    people = Stack()  # STACK_BASE_URL and STACK_API_KEY
    agent = people.agents.register(name="triage-assistant", description="Triages issues", accountability_mode="enforced")
    runtime = Stack(agent_id=agent.id)  # enrols a key of its own at its first request

    own_model = None if "OPENAI_BASE_URL" in os.environ else ModelServer(TRIAGE).__enter__()
    if own_model:
        os.environ["OPENAI_BASE_URL"] = own_model.base_url
    llm_config = {"model": os.environ.get("OPENAI_MODEL", "gpt-4o-mini"), "api_key": os.environ.get("OPENAI_API_KEY", "none")}
    assistant = AssistantAgent("triage", system_message="You triage issues. Say TERMINATE when done.", llm_config=llm_config)
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False, max_consecutive_auto_reply=8)

    with runtime.passports.mission(
        agent_id=agent.id, intent="Triage open issues in %s" % REPOSITORY, services=["github"], checkpoint_interval="5m"
    ) as mission:
        for function in functions(mission):
            register_function(function, caller=assistant, executor=user, description=function.__doc__)
        user.initiate_chat(assistant, message="List the open issues, then file one for the title typo.")

    print("review:", mission.review_status)
    for row in people.audit.list(limit=100, passport_jti=mission.passport.jti)["entries"][::-1]:
        print(row["seq"], row["action"], row["outcome"], (row["http"] or {}).get("path", ""))
    print("chain verifies:", people.audit.verify_chain()["valid"])


if __name__ == "__main__":
    main()
