"""What Canvas delivers by HTTPS and SQS, acknowledged once it is stored."""
