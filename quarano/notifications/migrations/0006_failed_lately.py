from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_letters")]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                fields=["failed_at"],
                name="message_failed_lately",
                condition=models.Q(state="failed"),
            ),
        ),
    ]
