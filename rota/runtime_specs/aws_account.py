"""How a runtime on AWS says where it is, and as whom it is called.

There are no keys here: credentials come from boto3's own chain (environment, profile,
container, instance, web identity), which is what operators of AWS expect. A role to assume is
a profile's `role_arn`.
"""

from typing import Annotated

from pydantic import Field

from rota.runtime_specs.base import BaseUrl, RuntimeSettings


class AwsSettings(RuntimeSettings):
    """The keys that every runtime on AWS has."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[a-z]+)+-[0-9]+$")] | None = None
    """None: AWS_DEFAULT_REGION, or else the profile's."""
    profile: Annotated[str, Field(min_length=1)] | None = None
    """A profile of the worker's AWS configuration; None: AWS_PROFILE, or boto3's chain."""
    endpoint_url: BaseUrl | None = None
    """A VPC endpoint or a gateway; None: AWS_ENDPOINT_URL and its kin, or else AWS itself."""

    @property
    def account(self) -> str:
        """Profile, region and endpoint, as far as they are declared: quotas are by these."""
        declared = (self.profile, self.region, self.endpoint_url)
        return " ".join(part for part in declared if part) or "default"
